"""The log of changes: each is kept before it is made, and then how it ended."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from contract.access import AuditEntry, AuditQuery, Change, ChangeOutcome
from contract.base import Frozen
from contract.errors import PlatformError
from control.access_kept import KeptAccess

_LOG = logging.getLogger(__name__)
_GIVE_UP_S = 10.0


class Changes(Frozen):
    """Some changes of the log, the latest first.

    Attributes:
        changes: each an `AuditEntry`.
        after: where the next page begins; null: this is the last one.
        actions: every action that is in the log.
    """

    changes: tuple[AuditEntry, ...]
    after: str | None = None
    actions: tuple[str, ...] = ()


class AuditLog:
    """Of one installation."""

    def __init__(
        self, kept: KeptAccess, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kept = kept
        self._now = now

    async def changes(self, query: AuditQuery) -> Changes:
        """A page of the log.

        Raises:
            PlatformError: the store cannot be read.
        """
        none: list[AuditEntry] = []
        found = await self._kept.asked(lambda store: store.changes(query), none)
        names: list[str] = []
        shown = found[: query.limit]
        return Changes(
            changes=tuple(shown),
            after=str(shown[-1].id) if len(found) > len(shown) else None,
            actions=tuple(await self._kept.asked(lambda store: store.actions(), names)),
        )

    @asynccontextmanager
    async def keeping(
        self, change: Change, unkept: Callable[[str], None] | None = None
    ) -> AsyncGenerator[bool]:
        """Keep a change before it is made inside this context, and how it ended.

        Args:
            change: somebody's.
            unkept: is told why the log cannot be written: then the change is made all the same, and
                False is yielded. None: then nothing is done.

        Raises:
            PlatformError: the log cannot be written, and `unkept` is None.
        """
        number = await (self._begun(change, unkept) if unkept else self._begin(change))
        if number is None:
            yield False
            return
        try:
            yield True
        except PlatformError as error:
            await self._end(number, ChangeOutcome.FAILED, error.message)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._end(number, ChangeOutcome.FAILED, "it was interrupted"))
            raise
        except Exception as error:
            await self._end(number, ChangeOutcome.FAILED, type(error).__name__)
            raise
        await self._end(number, ChangeOutcome.DONE, "")

    async def _begin(self, change: Change) -> int:
        return await self._kept.told(lambda store: store.begin_change(change, self._now()))

    async def _begun(self, change: Change, unkept: Callable[[str], None]) -> int | None:
        """The number of the change; None: the log cannot be written, or not in good time."""
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                return await self._begin(change)
        except PlatformError as error:
            unkept(error.message)
        except TimeoutError:
            unkept(f"the store did not answer within {_GIVE_UP_S:.0f} seconds")
        return None

    async def _end(self, number: int, outcome: ChangeOutcome, reason: str) -> None:
        """The change is made or not, whatever becomes of this: it stays `begun` at worst."""
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                await self._kept.told(
                    lambda store: store.end_change(number, outcome, reason, self._now())
                )
        except (PlatformError, TimeoutError) as error:
            _LOG.warning(
                "the log does not know how change %d ended (%s): %s", number, outcome, error
            )
