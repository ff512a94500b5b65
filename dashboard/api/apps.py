"""Apps of a pipeline: their cells, documents, logs and artifacts."""

from fastapi import APIRouter

router = APIRouter()
