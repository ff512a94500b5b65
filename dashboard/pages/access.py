"""Logging in and out, tokens, and the log of changes."""

from fastapi import APIRouter

router = APIRouter()
