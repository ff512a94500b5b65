"""Tokens and the log of changes."""

from fastapi import APIRouter

router = APIRouter()
