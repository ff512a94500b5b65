"""One WebSocket connection: reads client frames, streams runs and results back.

`contract/conversation.py` knows which frames may come and go, and in which order. Each subtask that
is asked for on the connection is streamed by its own task; a chunk and the binary message it
announces are sent under one lock, so that streams may interleave. Sending waits for the peer, so
memory is bounded by one chunk per stream. Reading never waits for an answer, so that pings are
answered while a cancelled run's processes end.
"""

import asyncio
import errno
import logging
import os
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from aiohttp import WSMsgType, web

from analyzers.runtime.wire.archive import StoredResult
from analyzers.runtime.wire.jobs import Job, JobRegistry
from contract.analyzers import AnalyzerKind
from contract.conversation import ServiceConversation
from contract.errors import ErrorCode, PlatformError
from contract.protocol import (
    CHUNK_BYTES,
    DIRECT_MIN_BYTES,
    MAX_ID_CHARS,
    PROGRESS_INTERVAL_S,
    Ack,
    Analyze,
    Cancel,
    Completed,
    Failed,
)
from contract.secret import keyed_digest
from contract.stream import ProtocolError
from telemetry.spans import span

_MIN_PROGRESS_GAP_S = 0.1
_MAX_WAITING_FRAMES = 8
_DIGEST_CHARS = frozenset("0123456789abcdef")

logger = logging.getLogger("assay.analyzer")


class AnalyzerConnection:
    """The service's side of one connection.

    Args:
        websocket: open and with the right subprotocol.
        kind: the service's own analyzer; requests for another are refused.
        jobs: the service's runs.
        key: the service's own; makes the digests by which it tells secrets of calls apart.
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
        self._conversation = ServiceConversation()
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
        """Frames that came before the connection was lost count: the last one may be an `ack`."""
        while (message := await self._waiting.get()) is not None:
            with suppress(ConnectionError):
                await self._answer(message)

    async def _answer(self, message: str | bytes) -> None:
        try:
            frame = self._conversation.receive(message)
        except ProtocolError as error:
            await self._send(self._conversation.refuse(error))
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
        if reason := self._objection(frame):  # before anything ends: the subtask may go on
            await self._send(self._conversation.refuse(ProtocolError(subtask_id, reason)))
            return
        if earlier := self._streams.pop(subtask_id, None):
            earlier.cancel()
            await asyncio.wait([earlier])
        self._conversation.begin(frame)
        try:
            job = await self._submit(frame)
        except PlatformError as error:
            await self._fail(subtask_id, error)
            return
        stream = asyncio.create_task(self._stream(job, frame))
        self._streams[subtask_id] = stream
        stream.add_done_callback(lambda done: self._forget(subtask_id, done))

    async def _submit(self, frame: Analyze) -> Job:
        digest = keyed_digest(self._key, frame.secrets)
        request = frame.request.with_secrets(frame.secrets, digest)
        return await self._jobs.submit(request, frame.trace)

    def _objection(self, frame: Analyze) -> str:
        """Why the request cannot be done here; empty when it can."""
        request = frame.request
        if request.analyzer is not self._kind:
            return f"request.analyzer: this is the {self._kind} analyzer, not {request.analyzer}"
        if not 0 < len(request.subtask_id) <= MAX_ID_CHARS:
            return f"request.subtask_id: 1 to {MAX_ID_CHARS} characters"
        digest = request.source.digest
        if len(digest) != 64 or not _DIGEST_CHARS.issuperset(digest):
            return "request.source.digest: no sha256 in lower-case hexadecimal"
        return ""

    async def _cancel(self, subtask_id: str) -> None:
        followed = self._conversation.follows(subtask_id)  # then its stream says that it ended
        known = await self._jobs.cancel(subtask_id)
        if not followed:
            code = ErrorCode.CANCELLED if known else ErrorCode.NOT_FOUND
            message = "cancelled" if known else "no such run here"
            await self._fail(subtask_id, PlatformError(code, message))

    def _forget(self, subtask_id: str, stream: asyncio.Task[None]) -> None:
        if self._streams.get(subtask_id) is stream:
            del self._streams[subtask_id]

    async def _stream(self, job: Job, asked: Analyze) -> None:
        """Say how the run goes on and send its result. A lost connection does not end the run."""
        with suppress(ConnectionError):
            try:
                await self._follow(job)
                await self._send_end(job, asked)
            except ConnectionError:
                raise
            except PlatformError as error:
                await self._fail(job.subtask_id, error)
            except Exception as error:
                logger.exception("answering %s failed", job.subtask_id)
                reason = f"{type(error).__name__}: {error}"[:2_000]
                await self._fail(job.subtask_id, PlatformError(ErrorCode.INTERNAL, reason))

    async def _follow(self, job: Job) -> None:
        while not job.ended:
            await self._send(self._conversation.progress(job.progress))
            sent_at = time.monotonic()
            await job.wait_for_change(PROGRESS_INTERVAL_S * 0.8)
            left_s = _MIN_PROGRESS_GAP_S - (time.monotonic() - sent_at)
            if left_s > 0 and not job.ended:
                await asyncio.sleep(left_s)

    async def _send_end(self, job: Job, asked: Analyze) -> None:
        if job.failure:
            await self._send(self._conversation.failed(job.failure))
        elif job.result:
            with span("send result", parent=asked.trace, bytes=job.result.size_bytes):
                await self._send_result(job, job.result, asked)

    async def _send_result(self, job: Job, result: StoredResult, asked: Analyze) -> None:
        if asked.resume_from > result.size_bytes:
            reason = f"resume_from: the result has {result.size_bytes} bytes"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, reason)
        path = ""
        if asked.direct and not asked.resume_from and result.size_bytes >= DIRECT_MIN_BYTES:
            path = str(self._jobs.archive(job).absolute())
        else:
            await self._send_chunks(job, result, asked.resume_from)
        done = Completed(
            subtask_id=job.subtask_id,
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            path=path,
        )
        await self._send(self._conversation.completed(done))

    async def _send_chunks(self, job: Job, result: StoredResult, offset: int) -> None:
        """Send the archive from `offset` on.

        Raises:
            PlatformError: DATA_LOSS: the archive cannot be read; the result is dropped.
        """
        try:
            async with aclosing(_read_ahead(self._jobs.archive(job), offset, result)) as blocks:
                async for data in blocks:
                    number, begun = divmod(offset, CHUNK_BYTES)
                    sha256 = "" if begun else result.chunks[number]
                    await self._send(*self._conversation.chunk(job.subtask_id, data, sha256))
                    offset += len(data)
        except ConnectionError:
            raise
        except OSError as error:
            await self._jobs.forget(job)
            raise PlatformError(ErrorCode.DATA_LOSS, f"result lost: {error.strerror}") from error

    async def _fail(self, subtask_id: str, error: PlatformError) -> None:
        failed = Failed(
            subtask_id=subtask_id,
            code=error.code,
            message=error.message,
            retry_after_s=error.retry_after_s,
        )
        await self._send(self._conversation.failed(failed))

    async def _send(self, text: str, data: bytes | None = None) -> None:
        """Send a frame, and the bytes it announces even if this task is cancelled meanwhile."""
        async with self._sending:
            try:
                await self._websocket.send_str(text)
            finally:
                if data is not None:
                    await self._websocket.send_bytes(data)


async def _read_ahead(path: Path, offset: int, result: StoredResult) -> AsyncGenerator[bytes]:
    """Blocks of a file up to each multiple of `CHUNK_BYTES`; one is read while one is sent.

    Raises:
        OSError: the file cannot be read, or has not the size of the result.
    """
    with await asyncio.to_thread(path.open, "rb") as file:
        if os.fstat(file.fileno()).st_size != result.size_bytes:
            raise OSError(errno.EIO, "its size has changed")
        file.seek(offset)
        data = await asyncio.to_thread(file.read, CHUNK_BYTES - offset % CHUNK_BYTES)
        while data:
            upcoming = asyncio.ensure_future(asyncio.to_thread(file.read, CHUNK_BYTES))
            try:
                yield data
            finally:
                await asyncio.wait([upcoming])
            data = upcoming.result()
