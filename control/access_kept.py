"""The part of a store that says who may come in: kept open, since every request asks it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from contract.errors import ErrorCode, PlatformError
from control.stored import Stored
from store.access import AccessStore
from store.engine import parse_url
from store.migrate import upgrade

_Answer = TypeVar("_Answer")


class KeptAccess:
    """Opens the store when it is first asked; a store that is not there yet is made by a write."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._open: AccessStore | None = None

    async def asked(
        self, question: Callable[[AccessStore], Awaitable[_Answer]], empty: _Answer
    ) -> _Answer:
        """The answer to a question; `empty` where there is no store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        return await self._current(question) if self._stored.exists() else empty

    async def told(self, change: Callable[[AccessStore], Awaitable[_Answer]]) -> _Answer:
        """What came of a change.

        Raises:
            PlatformError: the store cannot be written; or as the change says.
        """
        if not self._stored.exists():
            await upgrade(self._stored.url)
        return await self._current(change)

    async def close(self) -> None:
        """Close every connection."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _current(self, ask: Callable[[AccessStore], Awaitable[_Answer]]) -> _Answer:
        """Ask; a store of an earlier version is brought to the newest, as `Stored` does it."""
        if self._open is None:
            self._open = AccessStore.from_url(self._stored.url)
        try:
            return await ask(self._open)
        except PlatformError as error:
            local = parse_url(self._stored.url).get_backend_name() == "sqlite"
            old = error.code is ErrorCode.FAILED_PRECONDITION
            if not (old and local) or self._stored.in_use():
                raise
        await upgrade(self._stored.url)
        return await ask(self._open)
