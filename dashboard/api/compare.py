"""Two pipelines side by side."""

from fastapi import APIRouter

router = APIRouter()
