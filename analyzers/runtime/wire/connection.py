"""One WebSocket connection: reads client frames, streams runs and results back.

A frame that is not valid gets `failed INVALID_ARGUMENT` and the connection goes on. Each subtask
asked for on the connection is streamed by its own task; a chunk and the binary message it announces
are sent under one lock, so that streams may interleave. Sending waits for the peer, so memory is
bounded by one chunk per stream. Reading never waits for an answer, so that pings are answered while
a cancelled run's processes end.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from aiohttp import WSMsgType, web
from pydantic import BaseModel, ValidationError

from analyzers.runtime.wire.archive import StoredResult
from analyzers.runtime.wire.jobs import Job, JobRegistry
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.protocol import (
    CHUNK_BYTES,
    CLIENT_FRAMES,
    DIRECT_MIN_BYTES,
    PROGRESS_INTERVAL_S,
    Ack,
    Analyze,
    Cancel,
    Chunk,
    Completed,
    Failed,
)
from contract.secret import keyed_digest

_MAX_ID_CHARS = 512
_MIN_PROGRESS_GAP_S = 0.1
_MAX_WAITING_FRAMES = 8
_DIGEST_CHARS = frozenset("0123456789abcdef")


class AnalyzerConnection:
    """The service's side of one connection.

    Args:
        websocket: open and with the right subprotocol.
        kind: the service's own analyzer; requests for another are refused.
        jobs: the service's runs.
        key: the service's own, for what tells one call's secrets from another's.
    """

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        kind: AnalyzerKind,
        jobs: JobRegistry,
        key: bytes = b"",
    ) -> None:
        self._key = key
        self._websocket = websocket
        self._kind = kind
        self._jobs = jobs
        self._sending = asyncio.Lock()
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._waiting: asyncio.Queue[str | bytes | None] = asyncio.Queue(_MAX_WAITING_FRAMES)

    async def serve(self) -> None:
        """Answer frames in their order until the client closes or is lost; runs go on."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answer_all())
                with suppress(ConnectionError):
                    async for message in self._websocket:
                        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                            await self._waiting.put(message.data)
                await self._waiting.put(None)
        finally:
            for stream in self._streams.values():
                stream.cancel()
            if self._streams:
                await asyncio.wait(self._streams.values())

    async def _answer_all(self) -> None:
        """Frames that came before the connection was lost count: an `ack` may be the last word."""
        while (data := await self._waiting.get()) is not None:
            with suppress(ConnectionError):
                if isinstance(data, str):
                    await self._answer(data)
                else:
                    await self._refuse("", "binary messages are sent by the service only")

    async def _answer(self, text: str) -> None:
        try:
            frame = CLIENT_FRAMES.validate_json(text)
        except ValidationError as error:
            await self._refuse(_named_subtask(text), f"frame not understood: {_first(error)}")
            return
        match frame:
            case Analyze():
                await self._analyze(frame)
            case Ack():
                await self._jobs.acknowledge(frame.subtask_id, frame.sha256)
            case Cancel():
                await self._cancel(frame.subtask_id)

    async def _analyze(self, frame: Analyze) -> None:
        subtask_id = frame.request.subtask_id
        if reason := self._objection(frame):
            await self._refuse(subtask_id[:_MAX_ID_CHARS], reason)
            return
        if earlier := self._streams.pop(subtask_id, None):
            earlier.cancel()
            await asyncio.wait([earlier])
        try:
            digest = keyed_digest(self._key, frame.secrets)
            job = await self._jobs.submit(frame.request.with_secrets(frame.secrets, digest))
        except PlatformError as error:
            await self._fail(subtask_id, error.code, error.message, error.retry_after_s)
            return
        stream = asyncio.create_task(self._stream(job, frame))
        self._streams[subtask_id] = stream
        stream.add_done_callback(lambda done: self._forget(subtask_id, done))

    def _objection(self, frame: Analyze) -> str:
        """Why the request cannot be done here; empty when it can."""
        request = frame.request
        if request.analyzer is not self._kind:
            return f"request.analyzer: this is the {self._kind} analyzer, not {request.analyzer}"
        if not 0 < len(request.subtask_id) <= _MAX_ID_CHARS:
            return f"request.subtask_id: 1 to {_MAX_ID_CHARS} characters"
        digest = request.source.digest
        if len(digest) != 64 or not _DIGEST_CHARS.issuperset(digest):
            return "request.source.digest: no sha256 in lower-case hexadecimal"
        return ""

    async def _cancel(self, subtask_id: str) -> None:
        attached = subtask_id in self._streams
        known = await self._jobs.cancel(subtask_id)
        if not attached:
            code = ErrorCode.CANCELLED if known else ErrorCode.NOT_FOUND
            await self._fail(subtask_id, code, "cancelled" if known else "no such run here")

    def _forget(self, subtask_id: str, stream: asyncio.Task[None]) -> None:
        if self._streams.get(subtask_id) is stream:
            del self._streams[subtask_id]
        if not stream.cancelled():
            stream.exception()  # a lost connection; the run goes on

    async def _stream(self, job: Job, asked: Analyze) -> None:
        with suppress(ConnectionError):
            while not job.ended:
                await self._send(job.progress)
                sent_at = time.monotonic()
                await job.wait_for_change(PROGRESS_INTERVAL_S * 0.8)
                left_s = _MIN_PROGRESS_GAP_S - (time.monotonic() - sent_at)
                if left_s > 0 and not job.ended:
                    await asyncio.sleep(left_s)
            if job.failure:
                await self._send(job.failure)
            elif job.result:
                await self._send_result(job, job.result, asked)

    async def _send_result(self, job: Job, result: StoredResult, asked: Analyze) -> None:
        if asked.resume_from > result.size_bytes:
            await self._refuse(
                job.subtask_id, f"resume_from: the result has {result.size_bytes} bytes"
            )
            return
        done = Completed(
            subtask_id=job.subtask_id, size_bytes=result.size_bytes, sha256=result.sha256
        )
        if asked.direct and not asked.resume_from and result.size_bytes >= DIRECT_MIN_BYTES:
            path = str(self._jobs.archive(job).absolute())
            await self._send(done.model_copy(update={"path": path}))
            return
        try:
            await self._send_chunks(job, result, asked.resume_from)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            await self._jobs.forget(job)  # asked again, it is made anew
            await self._fail(job.subtask_id, ErrorCode.DATA_LOSS, f"result lost: {error.strerror}")
            return
        await self._send(done)

    async def _send_chunks(self, job: Job, result: StoredResult, offset: int) -> None:
        async with aclosing(_read_ahead(self._jobs.archive(job), offset)) as blocks:
            async for data in blocks:
                number, whole = offset // CHUNK_BYTES, offset % CHUNK_BYTES == 0
                chunk = Chunk(
                    subtask_id=job.subtask_id,
                    sequence=number,
                    offset=offset,
                    size=len(data),
                    sha256=result.chunks[number] if whole else hashlib.sha256(data).hexdigest(),
                )
                async with self._sending:
                    await self._websocket.send_str(chunk.model_dump_json())
                    await self._websocket.send_bytes(data)
                offset += len(data)

    async def _refuse(self, subtask_id: str, message: str) -> None:
        await self._fail(subtask_id, ErrorCode.INVALID_ARGUMENT, message)

    async def _fail(
        self, subtask_id: str, code: ErrorCode, message: str, retry_after_s: float | None = None
    ) -> None:
        await self._send(
            Failed(subtask_id=subtask_id, code=code, message=message, retry_after_s=retry_after_s)
        )

    async def _send(self, frame: BaseModel) -> None:
        async with self._sending:
            await self._websocket.send_str(frame.model_dump_json())


async def _read_ahead(path: Path, offset: int) -> AsyncGenerator[bytes]:
    """Blocks of a file up to each multiple of `CHUNK_BYTES`; one is read while one is sent."""
    with await asyncio.to_thread(path.open, "rb") as file:
        file.seek(offset)
        data = await asyncio.to_thread(file.read, CHUNK_BYTES - offset % CHUNK_BYTES)
        while data:
            upcoming = asyncio.ensure_future(asyncio.to_thread(file.read, CHUNK_BYTES))
            try:
                yield data
            finally:
                await asyncio.wait([upcoming])
            data = upcoming.result()


def _first(error: ValidationError) -> str:
    """The first thing wrong, with the field's path as a person writes it."""
    one = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in one["loc"])
    return f"{where}: {one['msg']}"[:500] if where else one["msg"][:500]


def _named_subtask(text: str) -> str:
    """The subtask an invalid frame speaks of, as far as one can tell."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    inner = frame.get("request", frame) if isinstance(frame, dict) else None
    found = inner.get("subtask_id", "") if isinstance(inner, dict) else ""
    shown = found if isinstance(found, str) else ""
    return shown.encode("utf-8", "replace").decode()[:_MAX_ID_CHARS]
