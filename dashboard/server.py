"""The connection to the Temporal server: made when it is first needed, and kept."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client

from control.errors import ServerAwayError

_PATIENCE_S = 5.0


class Server:
    """Reconnects by itself: the SDK's client does, once it was connected."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], patience_s: float = _PATIENCE_S
    ) -> None:
        self._connect = connect
        self._patience_s = patience_s
        self._attempt: asyncio.Task[Client] | None = None

    async def client(self) -> Client:
        """The connection; all who ask while it is made wait for the same attempt.

        Raises:
            PlatformError: the server does not answer, or not within five seconds.
        """
        if self._attempt is None or _failed(self._attempt):
            self._attempt = asyncio.create_task(self._connected())
        return await asyncio.shield(self._attempt)

    async def close(self) -> None:
        """Connect no more."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])

    async def _connected(self) -> Client:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._connect()
        except TimeoutError as error:
            raise ServerAwayError(
                f"the Temporal server does not answer within {self._patience_s:g} s",
                next_step="see that it runs, and try again",
            ) from error


def _failed(attempt: asyncio.Task[Client]) -> bool:
    return attempt.done() and (attempt.cancelled() or attempt.exception() is not None)
