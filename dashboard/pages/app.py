"""One app of a pipeline."""

from fastapi import APIRouter

router = APIRouter()
