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
        """The connection; all who ask meanwhile share one attempt, and what comes of it.

        Raises:
            PlatformError: the server does not answer.
        """
        attempt = self._attempt
        if attempt is None or _failed(attempt):
            attempt = self._attempt = asyncio.create_task(self._connected())
            attempt.add_done_callback(_failed)
        return await asyncio.shield(attempt)

    async def close(self) -> None:
        """Try no more."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])

    async def _connected(self) -> Client:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._connect()
        except TimeoutError as error:
            raise ServerAwayError(
                f"the Temporal server did not answer within {self._patience_s:g} s",
                next_step="see what the page System says of it, and try again",
            ) from error


def _failed(attempt: asyncio.Task[Client]) -> bool:
    return attempt.done() and (attempt.cancelled() or attempt.exception() is not None)
