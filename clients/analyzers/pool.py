"""WebSocket connections to one analyzer, opened when needed and reused across subtasks.

A connection serves one subtask at a time, so no frame waits behind those of another subtask. The
number of handshakes is the largest number of subtasks in flight, not the number of subtasks.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.protocol import State
from websockets.typing import Subprotocol

from clients.measures import (
    WEBSOCKET_CONNECTIONS,
    WEBSOCKET_SEND_FAILURES,
    WEBSOCKET_TIMEOUTS,
    begin_counting,
)
from contract.analyzers import AnalyzerKind
from contract.conversation import ClientConversation, Received
from contract.errors import ErrorCode, PlatformError
from contract.protocol import MAX_FRAME_BYTES, SUBPROTOCOL, Completed, Failed, Progress

OPEN_LIMIT_S = 5.0
PING_INTERVAL_S = 9.0
PING_LIMIT_S = 5.0
CLOSE_LIMIT_S = 2.0
_MAX_IDLE = 8
# Why the library closes a connection whose other end answers no ping.
_NO_PONG = "keepalive ping timeout"
_DOCTOR = "the command `doctor` tells more"


class Link:
    """A connection and the conversation on it.

    Its methods raise `WebSocketException` or `OSError` when the connection is lost.
    """

    def __init__(self, connection: ClientConnection, analyzer: str) -> None:
        self.conversation = ClientConversation()
        self._connection = connection
        self._analyzer = analyzer

    @property
    def is_open(self) -> bool:
        """Whether the connection is open, as far as is known here."""
        return self._connection.state is State.OPEN

    async def send(self, text: str) -> None:
        """Send a message that the conversation made."""
        try:
            await self._connection.send(text)
        except (WebSocketException, OSError):
            WEBSOCKET_SEND_FAILURES.labels(self._analyzer).inc()
            raise

    async def receive(self) -> Progress | Received | Completed | Failed:
        """The next frame about a subtask of this conversation.

        Raises:
            ProtocolError: the analyzer broke the protocol.
        """
        while True:
            frame = self.conversation.receive(await self._received())
            if frame is not None:
                return frame

    async def _received(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosedError as lost:
            if lost.sent and lost.sent.reason == _NO_PONG:
                WEBSOCKET_TIMEOUTS.labels(self._analyzer).inc()
            raise

    async def close(self) -> None:
        """Close the connection. A lost one counts as closed."""
        with suppress(WebSocketException, OSError):
            await self._connection.close()


class ConnectionPool:
    """Idle connections to the analyzer at `url`.

    Attributes:
        handshakes: connections opened so far.
    """

    def __init__(self, analyzer: AnalyzerKind, url: str, token: str | None) -> None:
        self.analyzer = analyzer
        self.url = url
        self.handshakes = 0
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: list[Link] = []
        begin_counting(analyzer)

    @property
    def is_local(self) -> bool:
        """Whether the analyzer listens on this machine, so that its folder may be readable here.

        It may still be in a container behind a published port.
        """
        host = urlsplit(self.url).hostname or ""
        return host == "localhost" or host.startswith("127.") or host == "::1"

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[Link]:
        """A live connection. Afterwards it is kept if no frame is outstanding, else closed.

        Raises:
            PlatformError: UNAVAILABLE, UNAUTHENTICATED or FAILED_PRECONDITION (another protocol).
        """
        link = self._take_idle() or Link(await self._open(), self.analyzer)
        try:
            yield link
        finally:
            if link.conversation.is_idle and link.is_open and len(self._idle) < _MAX_IDLE:
                self._idle.append(link)
            else:
                await link.close()

    async def close(self) -> None:
        """Close all idle connections."""
        idle, self._idle = self._idle, []
        for link in idle:
            await link.close()

    def _take_idle(self) -> Link | None:
        while self._idle:
            link = self._idle.pop()
            if link.is_open:
                return link
        return None

    async def _open(self) -> ClientConnection:
        try:
            connection = await self._connected()
        except PlatformError as error:
            WEBSOCKET_CONNECTIONS.labels(self.analyzer, "failed").inc()
            if isinstance(error.__cause__, TimeoutError):
                WEBSOCKET_TIMEOUTS.labels(self.analyzer).inc()
            raise
        WEBSOCKET_CONNECTIONS.labels(self.analyzer, "ok").inc()
        self.handshakes += 1
        return connection

    async def _connected(self) -> ClientConnection:
        where = f"analyzer {self.analyzer} at {self.url}"
        try:
            return await connect(
                self.url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                open_timeout=OPEN_LIMIT_S,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_LIMIT_S,
                close_timeout=CLOSE_LIMIT_S,
                max_size=MAX_FRAME_BYTES,
                max_queue=16,
            )
        except ConnectionRefusedError as error:
            raise unavailable(
                f"{where} refused the connection: is it running? {_DOCTOR}"
            ) from error
        except TimeoutError as error:
            raise unavailable(f"{where} did not answer in {OPEN_LIMIT_S:g} s: {_DOCTOR}") from error
        except InvalidStatus as error:
            raise _refused(where, error.response.status_code) from error
        except InvalidURI as error:
            raise PlatformError(
                ErrorCode.INVALID_ARGUMENT, f"{where}: not a ws:// address: check the settings"
            ) from error
        except (InvalidHandshake, ConnectionClosed) as error:
            raise unavailable(f"{where}: no WebSocket there ({error}): {_DOCTOR}") from error
        except OSError as error:
            raise unavailable(f"{where} cannot be reached: {error}: {_DOCTOR}") from error


def unavailable(message: str) -> PlatformError:
    """A fault that may end without any action."""
    return PlatformError(ErrorCode.UNAVAILABLE, message)


def _refused(where: str, status: int) -> PlatformError:
    if status == 400:
        return PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"{where} does not speak {SUBPROTOCOL}: run analyzer and worker of one version",
        )
    if status in (401, 403):
        return PlatformError(
            ErrorCode.UNAUTHENTICATED, f"{where} refused our token: same token file on both sides?"
        )
    return unavailable(f"{where} answered HTTP {status}: {_DOCTOR}")
