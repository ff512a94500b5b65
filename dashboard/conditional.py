"""Entity tags (RFC 9110, section 8.8.3): who has an answer need not get it again.

Answers of the API have them, and parts of pages that are asked for again and again.
"""

import hashlib
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.urls import API

# What htmx says of itself when it asks for a part of a page.
PART_HEADER = "hx-request"


class Conditional:
    """ASGI middleware: tags each whole document, and answers 304 to those who have it.

    Answers in several pieces (events, exports) pass untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not _tagged(scope):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Answer(send, known).send)


def _tagged(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and (str(scope["path"]).startswith(f"{API}/") or PART_HEADER in Headers(scope=scope))
    )


class _Answer:
    """Holds the head of an answer back until it is known whether its body is whole."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = {tag.strip().removeprefix("W/") for tag in known.split(",") if tag.strip()}
        self._head: MutableMapping[str, Any] | None = None

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start" and _is_document(message):
            self._head = message
            return
        head, self._head = self._head, None
        if head is None:
            await self._send(message)
        elif message.get("more_body"):
            await self._send(head)
            await self._send(message)
        else:
            await self._whole(head, message)

    async def _whole(self, head: MutableMapping[str, Any], body: Message) -> None:
        tag = f'"{hashlib.sha256(body.get("body", b"")).hexdigest()[:32]}"'
        headers = MutableHeaders(scope=head)
        headers["ETag"] = tag
        headers.setdefault("Cache-Control", "private, no-cache")
        headers.setdefault("Vary", "Authorization, Cookie")
        if self._known & {tag, "*"}:
            head["status"] = 304
            del headers["content-length"]
            del headers["content-type"]
            body = {"type": "http.response.body", "body": b""}
        await self._send(head)
        await self._send(body)


def _is_document(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    is_json = headers.get("content-type", "").startswith("application/json")
    is_part = PART_HEADER in headers.get("vary", "").lower()
    return head["status"] == 200 and (is_json or is_part)
