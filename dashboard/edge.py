"""What every answer carries: a policy that lets a page run our scripts and nothing else.

What a request may have is limited here, too, and every error becomes an answer.
"""

import secrets
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.problems import told

BODY_BYTES = 1024 * 1024
QUERY_BYTES = 16 * 1024
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
}
_KEPT = "no-cache"  # files of ours: asked for anew each time, and 304 if they are the same
_FORGOTTEN = "no-store"


class Edge:
    """ASGI middleware; an answer that sets a header itself keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = scope["nonce"] = secrets.token_urlsafe(16)
        answer = _Answer(send, nonce, scope)
        try:
            _require_short(scope)
            await self._app(scope, _Body(receive).receive, answer.send)
        except ClientDisconnect:  # nobody is there to be answered
            return
        except Exception as error:
            if answer.begun:  # nothing can be said any more: the connection ends in the middle
                raise
            told_so = await told(Request(scope), error)
            await told_so(scope, receive, answer.send)


class _Answer:
    """Adds the headers."""

    def __init__(self, send: Send, nonce: str, scope: Scope) -> None:
        self._send = send
        static = str(scope["path"]).startswith("/static/")
        self._headers = _ALWAYS | {
            "Content-Security-Policy": policy(nonce),
            "Cache-Control": _KEPT if static else _FORGOTTEN,
        }
        self.begun = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


class _Body:
    """Counts what comes in."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def receive(self) -> Message:
        """The next part of the request.

        Raises:
            HTTPException: it has become too large.
        """
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_BYTES:
            raise _too_large()
        return message


def _require_short(scope: Scope) -> None:
    length = Headers(scope=scope).get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > BODY_BYTES:
        raise _too_large()
    if len(scope["query_string"]) > QUERY_BYTES:
        raise HTTPException(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"a query of more than {QUERY_BYTES // 1024} KiB",
        )


def _too_large() -> HTTPException:
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"a request of more than {BODY_BYTES // 1024} KiB",
    )


def policy(nonce: str) -> str:
    """The Content-Security-Policy of a page of ours.

    `htmx` is the one Trusted Types policy: htmx's own extension makes it, and takes nothing but
    elements that carry the page's nonce.
    """
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types htmx"
    )
