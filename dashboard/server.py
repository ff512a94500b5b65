"""The connection to the Temporal server: made when it is first needed, and kept."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client


class Server:
    """Reconnects by itself: the SDK's client does, once it was connected."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> Client:
        """The connection.

        Raises:
            PlatformError: the server does not answer.
        """
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            return self._client
