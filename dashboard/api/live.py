"""One pipeline: where it is, its events, and messages to it."""

from fastapi import APIRouter

router = APIRouter()
