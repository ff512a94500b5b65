"""One attempt to send JSON to an address."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from clients.authorities import authorities
from clients.notify.faults import RefusedError
from clients.notify.texts import line

_PASSING = frozenset({408, 425, 429})
_SHOWN_BYTES = 300


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed. Blocking.

    Raises:
        RefusedError: the file cannot be read.
    """
    if ca_file is None:
        return authorities()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        why = f"its ca_file {ca_file} cannot be used: {getattr(error, 'strerror', None) or error}"
        raise RefusedError(why, may_pass=False) from None


async def post(
    url: str, body: Mapping[str, Any], headers: Mapping[str, str], ca: ssl.SSLContext
) -> None:
    """Send `body`; a redirect is not followed: it would carry the notice to somebody else.

    Raises:
        RefusedError: it was not taken.
    """
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    sent = {"Content-Type": "application/json", "User-Agent": "assay", **headers}
    try:
        async with (
            httpx.AsyncClient(verify=ca, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", url, content=data, headers=sent, timeout=10.0) as answer,
        ):
            if not answer.is_success:
                raise _refused(answer.status_code, await _beginning(answer))
    except httpx.InvalidURL as error:
        raise RefusedError("its address cannot be used", may_pass=False) from error
    except httpx.HTTPError as error:
        raise _unreachable(error) from None


async def _beginning(answer: httpx.Response) -> str:
    """The first bytes of what it says; it may say it slowly, or for ever."""
    said = b""
    try:
        async with asyncio.timeout(1.0):
            async for part in answer.aiter_raw():
                said += part
                if len(said) >= _SHOWN_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass
    return line(said[:_SHOWN_BYTES].decode("utf-8", "replace"), 150)


def _refused(status: int, said: str) -> RefusedError:
    if 300 <= status < 400:
        why = f"it answers {status}, a redirect, which is not followed: write the final address"
        return RefusedError(why, may_pass=False)
    told = f": {said}" if said else ""
    return RefusedError(f"it answers {status}{told}", may_pass=status >= 500 or status in _PASSING)


def _unreachable(error: httpx.HTTPError) -> RefusedError:
    text = str(error)
    if "CERTIFICATE" in text.upper():
        reason = line(text.partition("certificate verify failed: ")[2] or "not valid", 150)
        return RefusedError(f"its certificate is refused: {reason}", may_pass=False)
    if isinstance(error, httpx.TimeoutException):
        return RefusedError("no answer within 10 s", may_pass=True)
    if isinstance(error, httpx.ConnectError):
        return RefusedError(f"it cannot be reached: {line(text, 150)}", may_pass=True)
    kind = type(error).__name__
    return RefusedError(f"the connection broke ({kind})", may_pass=True)
