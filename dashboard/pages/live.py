"""One pipeline while it runs, and what can be done with it."""

from fastapi import APIRouter

router = APIRouter()
