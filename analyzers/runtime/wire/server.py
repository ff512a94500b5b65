"""The analyzer's one port: WebSocket protocol v1, and HTTP for health, metrics, results, sources.

It uses aiohttp, not the websockets server: one port has to carry WebSocket beside streamed HTTP
bodies (a result of a gigabyte by `GET` with `Range`, a source archive by `PUT`) in constant memory,
and the websockets server can answer plain HTTP only with a small body from `process_request`.
uvicorn would stream, but sets keep-alive of WebSockets for the whole process. aiohttp has both,
with pings per connection and back-pressure on every send.
"""

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel

from analyzers.runtime.wire.connection import AnalyzerConnection
from analyzers.runtime.wire.jobs import JobRegistry
from analyzers.runtime.wire.metrics import Metrics
from analyzers.runtime.wire.uploads import MAX_UPLOAD_BYTES, SourceStore
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.health import AnalyzerHealth
from contract.protocol import MAX_FRAME_BYTES, REQUEST_DIGEST_HEADER, SUBPROTOCOL, Failed

PING_INTERVAL_S = 10.0  # aiohttp waits half of it for the pong: a dead peer is known within 15 s
_HTTP_STATUS = {
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.RESOURCE_EXHAUSTED: 507,
}
_OPEN = ("/health", "/ready")
_UPLOAD_BLOCK_BYTES = 256 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AnalyzerServer:
    """Routes of one analyzer.

    Args:
        health: the answer of `GET /health`, computed without waiting.
        token: shared secret that every route asks for but `/health` and `/ready`; None: none does.
        key: the service's own, see `AnalyzerConnection`.
    """

    def __init__(
        self,
        kind: AnalyzerKind,
        jobs: JobRegistry,
        sources: SourceStore,
        metrics: Metrics,
        health: Callable[[], AnalyzerHealth],
        token: str | None = None,
        key: bytes = b"",
    ) -> None:
        self._key = key
        self._kind = kind
        self._jobs = jobs
        self._sources = sources
        self._metrics = metrics
        self._health = health
        self._token = token
        self._websockets: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        """The aiohttp application to serve."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._connect)
        app.router.add_get("/health", self._get_health)
        app.router.add_get("/ready", self._get_ready)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_get("/results/{subtask_id:.+}", self._get_result)
        app.router.add_put("/sources/{digest:[0-9a-f]{64}}", self._put_source)
        app.on_shutdown.append(self._going_away)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token, and answer platform faults as JSON."""
        try:
            if request.path not in _OPEN and not self._is_trusted(request):
                raise PlatformError(
                    ErrorCode.UNAUTHENTICATED, "send the shared token: Authorization: Bearer TOKEN"
                )
            return await handler(request)
        except PlatformError as error:
            failed = Failed(subtask_id="", code=error.code, message=error.message)
            return _json(failed, _HTTP_STATUS.get(error.code, 500))

    def _is_trusted(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, f"Bearer {self._token}".encode())

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise PlatformError(
                ErrorCode.INVALID_ARGUMENT,
                f"this is an Assay analyzer: open a WebSocket with subprotocol {SUBPROTOCOL}",
            )
        websocket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=PING_INTERVAL_S,
            max_msg_size=MAX_FRAME_BYTES,
            compress=False,
        )
        await websocket.prepare(request)
        self._metrics.handshakes += 1
        self._websockets.add(websocket)
        try:
            await AnalyzerConnection(websocket, self._kind, self._jobs, self._key).serve()
        finally:
            self._websockets.discard(websocket)
        return websocket

    async def _going_away(self, _app: web.Application) -> None:
        """Tell clients that the service shuts down (close code 1001)."""
        await asyncio.gather(
            *(websocket.close(code=1001) for websocket in tuple(self._websockets)),
            return_exceptions=True,
        )

    async def _get_health(self, _request: web.Request) -> web.Response:
        """That it lives, and how it is: `ok` in the document says whether it takes work."""
        return _json(self._health(), 200)

    async def _get_ready(self, _request: web.Request) -> web.Response:
        """Whether it takes work; 503 with the reason if not."""
        health = self._health()
        reasons = {} if health.ok else {str(self._kind): health.reason}
        return web.json_response(
            {"ok": health.ok, "reasons": reasons}, status=200 if health.ok else 503
        )

    async def _get_metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _get_result(self, request: web.Request) -> web.StreamResponse:
        """The whole archive, or a range of it; 202 with the progress while the run goes on."""
        job = self._jobs.get(request.match_info["subtask_id"])
        if job is None:
            raise PlatformError(ErrorCode.NOT_FOUND, "no such run or result here")
        asked = {REQUEST_DIGEST_HEADER: job.request_digest}
        if job.result is None:
            return _json(job.progress, 202, asked)
        digest = base64.b64encode(bytes.fromhex(job.result.sha256)).decode()
        return web.FileResponse(
            self._jobs.archive(job),
            headers={
                "Content-Type": "application/x-tar",
                "Repr-Digest": f"sha-256=:{digest}:",
                **asked,
            },
        )

    async def _put_source(self, request: web.Request) -> web.Response:
        """Receive a source archive, bounded, and check it against its digest."""
        path = self._sources.upload_path()
        try:
            await _receive(request, path)
            await asyncio.to_thread(self._sources.unpack, path, request.match_info["digest"])
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return web.Response(status=201)


async def _receive(request: web.Request, path: Path) -> None:
    received = 0
    try:
        with await asyncio.to_thread(path.open, "xb") as file:
            async for block in request.content.iter_chunked(_UPLOAD_BLOCK_BYTES):
                received += len(block)
                if received > MAX_UPLOAD_BYTES:
                    raise PlatformError(
                        ErrorCode.INVALID_ARGUMENT, f"archive above {MAX_UPLOAD_BYTES} bytes"
                    )
                await asyncio.to_thread(file.write, block)
    except OSError as error:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED, f"source cannot be kept: {error.strerror}"
        ) from error


def _json(body: BaseModel, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=body.model_dump_json().encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )
