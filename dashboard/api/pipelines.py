"""Pipelines: the list of them."""

from fastapi import APIRouter

router = APIRouter()
