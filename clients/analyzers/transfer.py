"""One subtask's conversation: ask, follow the progress, fetch the result, outlive connections."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path

from websockets.exceptions import WebSocketException

from clients.analyzers.archive import ArchiveReceiver
from clients.analyzers.pool import ConnectionPool, Link, unavailable
from clients.measures import WEBSOCKET_REQUESTS
from contract.analysis import SubtaskRequest
from contract.conversation import Received
from contract.errors import ErrorCode, PlatformError
from contract.protocol import Analyze, Cancel, Completed, Failed, Progress
from contract.stream import FrameNotUnderstood, FrameRefused, ProtocolError
from telemetry.spans import carrier, traced

RECONNECT_DELAYS_S = (0.1, 0.5, 1.0, 2.0)
CANCEL_LIMIT_S = 6.0
SOUND_LIFE_S = 5.0  # a connection that lasted this long counts as a sound one


class ConnectionLost(Exception):
    """The connection is lost. The run goes on, and a new connection can attach to it."""


class _NotShared(Exception):
    """The analyzer's folder cannot be read here: the bytes must be sent."""


class Transfer:
    """A call of `analyze` under way.

    Attributes:
        request: what is asked.
        receiver: the bytes so far.
        direct: whether a large result may be read from the analyzer's own folder.
        asked: whether the request ever reached the analyzer; a first connection that fails is not
            retried here, so that a dead analyzer is known at once.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        request: SubtaskRequest,
        receiver: ArchiveReceiver,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None] = lambda: None,
        *,
        direct: bool,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.request = request
        self.receiver = receiver
        self.asked = False
        self._over = False
        self._pool = pool
        self._on_progress = on_progress
        self._on_end = on_end
        self._link: Link | None = None
        self._detached = asyncio.Event()
        self._direct = direct
        self._secrets = dict(secrets or {})
        self._leased_at: float | None = None

    async def run(self) -> None:
        """Ask, and return when the whole result is there.

        Raises:
            ConnectionLost: several times in a row, without progress in between.
            PlatformError: refused, failed or detached.
        """
        tries = 0
        while True:
            before = self.receiver.received
            try:
                await self._attempt()
                return
            except _NotShared:
                self._direct = False
                continue
            except ConnectionLost as error:
                lost = error
            except PlatformError as error:
                passing = self.asked and error.code is ErrorCode.UNAVAILABLE
                if self._over or not passing or self._detached.is_set():
                    raise
                lost = ConnectionLost(error.message)
            tries = 0 if self._got_on(before) else tries + 1
            if tries >= len(RECONNECT_DELAYS_S):
                raise lost
            await asyncio.sleep(RECONNECT_DELAYS_S[tries])

    def _got_on(self, before: int) -> bool:
        """Whether the last connection brought bytes, or lasted some time."""
        lived = self._leased_at and time.monotonic() - self._leased_at > SOUND_LIFE_S
        return self.receiver.received > before or bool(lived)

    async def detach(self) -> None:
        """Drop the connection; `run` ends with a `PlatformError`, the analyzer works on."""
        self._detached.set()
        if self._link is not None:
            await self._link.close()

    async def unless_detached(self, work: Coroutine[None, None, None]) -> None:
        """Do `work`, and cancel it as soon as somebody detaches.

        Raises:
            PlatformError: detached, or what `work` raises.
        """
        working = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self._detached.wait())
        try:
            await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._check_attached()
            await working
        finally:
            working.cancel()
            waiting.cancel()
            await asyncio.wait([working, waiting])

    async def cancel(self) -> None:
        """Ask the analyzer to end the run; return when it has, or after `CANCEL_LIMIT_S`."""
        frame = Cancel(subtask_id=self.request.subtask_id)
        with suppress(TimeoutError, PlatformError, ProtocolError, WebSocketException, OSError):
            async with asyncio.timeout(CANCEL_LIMIT_S), self._pool.lease() as link:
                await link.send(link.conversation.cancel(frame))
                await link.receive()

    @traced("analyzer call")
    async def _attempt(self) -> None:
        self._check_attached()
        self._leased_at = None
        if self.receiver.received:
            self.receiver.one_piece = False
        async with self._pool.lease() as link:
            self._leased_at = time.monotonic()
            self._link = link
            try:
                await self._ask(link)
                await self._follow(link)
            except ProtocolError as error:
                raise self._fault_of(error) from error
            except (WebSocketException, OSError) as error:
                self._check_attached()
                raise ConnectionLost(str(error)) from error
            finally:
                self._link = None

    def _check_attached(self) -> None:
        if self._detached.is_set():
            raise unavailable("detached from the run, which goes on: analyze re-attaches")

    def _fault_of(self, error: ProtocolError) -> PlatformError:
        if isinstance(error, FrameNotUnderstood | FrameRefused):
            message = f"analyzer at {self._pool.url} speaks another version: {error.reason}"
            return PlatformError(ErrorCode.FAILED_PRECONDITION, message)
        message = f"analyzer at {self._pool.url} broke the protocol: {error.reason}"
        return PlatformError(ErrorCode.DATA_LOSS, message)

    async def _ask(self, link: Link) -> None:
        frame = Analyze(
            request=self.request,
            resume_from=self.receiver.received,
            direct=self._direct,
            secrets=self._secrets,
            trace=carrier(),
        )
        await link.send(link.conversation.analyze(frame))
        self.asked = True
        WEBSOCKET_REQUESTS.labels(self.request.analyzer).inc()

    async def _follow(self, link: Link) -> None:
        """Receive frames up to the last one. Each chunk is written while the next one arrives."""
        writing: asyncio.Task[None] | None = None
        try:
            while isinstance(frame := await link.receive(), Progress | Received):
                if isinstance(frame, Progress):
                    self._on_progress(frame)
                    continue
                self._on_end()
                if writing:
                    await writing
                write = asyncio.to_thread(self.receiver.add_chunk, frame)
                writing = asyncio.create_task(write)
            if writing:
                await writing
            await self._finish(frame)
        finally:
            if writing:
                await asyncio.wait([writing])

    async def _finish(self, frame: Completed | Failed) -> None:
        if isinstance(frame, Completed):
            self._on_end()
        else:
            self._over = True  # the run has ended: the caller decides whether to start it again
            # Our own caller has not cancelled, or it would not listen: somebody else ended the run.
            ended = frame.code is ErrorCode.CANCELLED
            code = ErrorCode.UNAVAILABLE if ended else frame.code
            raise PlatformError(code, frame.message, retry_after_s=frame.retry_after_s)
        if frame.path:
            try:
                await asyncio.to_thread(self.receiver.adopt, Path(frame.path))
            except OSError as error:
                raise _NotShared from error
        await asyncio.to_thread(self.receiver.finish, frame)
