"""Requests that change something, as spans: the beginning of the trace of what they start."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.spans import is_on, span

_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
_PARENT = ("traceparent", "tracestate")


class Traced:
    """ASGI middleware inside the gate: who is refused begins no trace.

    Looks are spans only if who asks sends a trace: an open page asks each second.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        parent = _parent(scope) if is_on() and scope["type"] == "http" else None
        if parent is None or (scope["method"] in _LOOKS and not parent):
            await self._app(scope, receive, send)
            return
        with span(f"request {scope['method']}", parent=parent) as recorder:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    recorder.set(status=int(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                # The pattern, not the path: that may hold a pipeline's or a person's name.
                recorder.set(route=getattr(scope.get("route"), "path", ""))


def _parent(scope: Scope) -> dict[str, str]:
    headers = Headers(scope=scope)
    return {name: headers[name] for name in _PARENT if name in headers}
