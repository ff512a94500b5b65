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
    async def keeping(self, change: Change) -> AsyncGenerator[None]:
        """Keep a change before it is made inside this context, and how it ended.

        Raises:
            PlatformError: the log cannot be written: then nothing is done.
        """
        number = await self._kept.told(lambda store: store.begin_change(change, self._now()))
        try:
            yield
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
