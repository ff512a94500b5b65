"""A new pipeline, asked for step by step."""

from fastapi import APIRouter

router = APIRouter()
