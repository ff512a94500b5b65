"""The worker's HTTP server: `/metrics`, `/health`, `/ready`, in threads of its own.

Threads, so that it still says something when the event loop of the worker hangs: `/health` asks
that loop, and answers 503 if it gives no answer.
"""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from clients.monitoring.exposition import Exposition
from contract.errors import ErrorCode, PlatformError

_CLIENT_LIMIT_S = 10.0
_LOOP_LIMIT_S = 3.0
_REFRESH_LIMIT_S = 6.0
_READY_LIMIT_S = 8.0
_JSON = "application/json"

logger = logging.getLogger("assay.metrics")

Ready = Callable[[], Coroutine[Any, Any, Mapping[str, str]]]
_Answer = TypeVar("_Answer")


class Endpoint:
    """Serves until it is closed.

    Args:
        exposition: what `/metrics` shows.
        refresh: called before each `/metrics`, in the event loop; raises nothing.
        ready: what is not ready, by name, with the reason; in the event loop.
        answered: told before each `/metrics`, in its thread, whether the loop answered in time.
    """

    def __init__(
        self,
        exposition: Exposition,
        refresh: Callable[[], Awaitable[None]],
        ready: Ready,
        answered: Callable[[bool], None],
    ) -> None:
        self._exposition = exposition
        self._refresh = refresh
        self._ready = ready
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._server: ThreadingHTTPServer | None = None

    def open(self, host: str, port: int) -> int:
        """Listen; the port, which `port` 0 leaves to the system.

        Raises:
            PlatformError: INVALID_ARGUMENT: the address is taken, or none of this machine.
        """
        try:
            kind = _Server6 if ":" in host else _Server
            self._server = kind((host, port), self._handler())
        except (OSError, OverflowError) as error:
            cause = getattr(error, "strerror", None) or str(error)
            message = f"ASSAY_METRICS_ADDRESS {host}:{port}: {cause}: choose another"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message) from error
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return int(self._server.server_address[1])

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()

    def metrics(self, accept: str) -> tuple[HTTPStatus, bytes, str]:
        """Answer `/metrics`; a loop that hangs costs the sampled figures, not the rest."""
        done = self._in_loop(_then(self._refresh, True), _REFRESH_LIMIT_S)
        self._answered(done is not None)
        body, content_type = self._exposition.render(accept)
        return HTTPStatus.OK, body, content_type

    def health(self, _accept: str) -> tuple[HTTPStatus, bytes, str]:
        """Answer `/health`: whether the event loop turns."""
        alive = self._in_loop(_then(_turn, True), _LOOP_LIMIT_S)
        if alive:
            return _said(HTTPStatus.OK, {"ok": True})
        why = f"the event loop gave no answer within {_LOOP_LIMIT_S:g} s"
        return _said(HTTPStatus.SERVICE_UNAVAILABLE, {"ok": False, "reasons": {"worker": why}})

    def readiness(self, _accept: str) -> tuple[HTTPStatus, bytes, str]:
        """Answer `/ready`: whether it can do work, with the reasons if not."""
        reasons = self._in_loop(self._ready(), _READY_LIMIT_S)
        if reasons is None:
            reasons = {"worker": f"no answer within {_READY_LIMIT_S:g} s"}
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return _said(status, {"ok": not reasons, "reasons": dict(reasons)})

    def _in_loop(self, work: Coroutine[Any, Any, _Answer], limit_s: float) -> _Answer | None:
        """What `work` answers in the worker's loop; None if it gives no answer in time."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed: the worker ends
            work.close()
            return None
        try:
            return future.result(limit_s)
        except (FutureTimeoutError, asyncio.CancelledError):
            future.cancel()
            return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        routes = {"/metrics": self.metrics, "/health": self.health, "/ready": self.readiness}

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            timeout = _CLIENT_LIMIT_S

            def do_GET(self) -> None:
                """Answer."""
                route = routes.get(self.path.partition("?")[0])
                try:
                    if route is None:
                        status, body, kind = _said(HTTPStatus.NOT_FOUND, {"ok": False})
                    else:
                        status, body, kind = route(self.headers.get("Accept", ""))
                except Exception:
                    logger.exception("%s failed", self.path)
                    status, body, kind = _said(HTTPStatus.INTERNAL_SERVER_ERROR, {"ok": False})
                self._answer(status, body, kind)

            def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Cache-Control", "no-store")
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:  # nobody is there any more
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: one line for each scrape would drown the rest."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


async def _then(work: Callable[[], Awaitable[None]], answer: _Answer) -> _Answer:
    await work()
    return answer


async def _turn() -> None:
    await asyncio.sleep(0)


def _said(status: HTTPStatus, document: Mapping[str, object]) -> tuple[HTTPStatus, bytes, str]:
    return status, json.dumps(document).encode(), _JSON
