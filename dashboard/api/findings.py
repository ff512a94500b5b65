"""Weaknesses of a pipeline, and decisions about them."""

from fastapi import APIRouter

router = APIRouter()
