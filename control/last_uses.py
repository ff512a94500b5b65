"""When tokens and sessions were used last: kept behind the answers, which wait for nobody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from contract.errors import PlatformError
from control.access_kept import KeptAccess
from store.access import AccessStore

_LOG = logging.getLogger(__name__)
_AT_THE_END_S = 2.0

Use = Callable[[AccessStore], Awaitable[None]]


class LastUses:
    """One write at a time, of the latest use of each: a busy or full store locks nobody out.

    Another writer may hold the store for half a minute, while whoever shows a token only looks.
    """

    def __init__(self, kept: KeptAccess) -> None:
        self._kept = kept
        self._uses: dict[str, Use] = {}
        self._keeping: asyncio.Task[None] | None = None

    def remember(self, of: str, use: Use) -> None:
        """Keep `use` soon, in place of an earlier one of the same token or session."""
        self._uses[of] = use
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Wait for what is not kept yet, but not for long."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=_AT_THE_END_S)
            self._keeping.cancel()

    async def _keep(self) -> None:
        while self._uses:
            _, use = self._uses.popitem()
            try:
                await self._kept.told(use)
            except PlatformError as error:
                _LOG.warning("not kept when it was used last: %s", error)
