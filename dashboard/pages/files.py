"""Files that an app under test may have written: never inline, never trusted."""

from fastapi import APIRouter

router = APIRouter()
