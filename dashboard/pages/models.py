"""The models of a pipeline side by side."""

from fastapi import APIRouter

router = APIRouter()
