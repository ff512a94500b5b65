"""Prometheus reads the figures with the token that it sends to analyzers, and nothing else."""

import asyncio
import hmac
from pathlib import Path

from starlette.requests import HTTPConnection

from contract.access import Scope
from dashboard.access.who import Actor, Identity, Means

FIGURES = "/metrics"
_NAME = "the analyzers' token"


async def scraping(request: HTTPConnection, token_file: Path | None) -> Identity | None:
    """Who asks for the figures with the installation's token of analyzers; None: somebody else.

    Args:
        request: for any path.
        token_file: has that token; None: there is none.
    """
    sent = request.headers.get("authorization")
    if token_file is None or sent is None or request.url.path != FIGURES:
        return None
    token = await asyncio.to_thread(_token, token_file)
    if not token or not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        return None
    address = request.client.host if request.client else ""
    return Identity(Actor(_NAME, Scope.READ.all, address, Means.TOKEN))


def _token(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
