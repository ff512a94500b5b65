"""The tools of a pipeline and of this installation."""

from fastapi import APIRouter

router = APIRouter()
