"""Specs: what they would run, and starting them."""

from fastapi import APIRouter

router = APIRouter()
