"""Whether every part of the installation works."""

from fastapi import APIRouter

router = APIRouter()
