"""The weaknesses of a fleet, by filter, and decisions about them."""

from fastapi import APIRouter

router = APIRouter()
