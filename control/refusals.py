"""What did not get in, in the log of changes: counted, so that nobody fills the disk by trying."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contract.access import Change, ChangeOutcome
from contract.errors import PlatformError
from control.access_kept import KeptAccess

OTHERS = "other addresses"
NAMED = 100
LONG = timedelta(hours=1)
_LOG = logging.getLogger(__name__)
_AGAIN_S = 60.0
_AT_THE_END_S = 5.0


@dataclass(slots=True)
class _Refused:
    """One entry: what came from an address within an hour.

    Attributes:
        change: as the log has it.
        what: was refused, for the log.
        first, last: when the first and the last of them came.
        count: how many there were.
        kept: how many of them the log has.
        number: of the entry in the log; None: it has none yet.
    """

    change: Change
    what: str
    first: datetime
    last: datetime
    count: int = 0
    kept: int = 0
    number: int | None = None

    @property
    def reason(self) -> str:
        """How many, and until when."""
        if self.count == 1:
            return f"a {self.what} that lets nobody in"
        until = f"last at {self.last:%H:%M:%S} UTC"
        return f"{self.count:,} times a {self.what} that lets nobody in, {until}"


class Refusals:
    """One entry for each address and hour, whose count is brought up to date each minute.

    After a hundred addresses within an hour, all others have one entry together. Written behind the
    answers, which wait for no store; a store that is away gets the counts when it is back.
    """

    def __init__(
        self, kept: KeptAccess, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kept = kept
        self._now = now
        self._refused: dict[tuple[str, str], _Refused] = {}
        self._more = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._ending = False

    def count(self, address: str, action: str, what: str) -> None:
        """Remember that something from this address let nobody in.

        Args:
            address: where it came from.
            action: that was tried, as the log names it.
            what: was shown: a token or a login link; never itself.
        """
        now = self._now()
        refused = self._of(address, action, what, now)
        refused.count += 1
        refused.last = now
        if refused.count == 1:
            self._more.set()
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Keep what is not kept yet, but do not wait for long."""
        self._ending = True
        self._more.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_AT_THE_END_S):
                if self._keeping is not None:
                    await asyncio.wait([self._keeping])
                await self._write()  # what came while it wrote
        if self._keeping is not None:
            self._keeping.cancel()

    def _of(self, address: str, action: str, what: str, now: datetime) -> _Refused:
        """The entry that counts this."""
        self._refused = {
            key: each
            for key, each in self._refused.items()
            if now - each.first <= LONG or each.count > each.kept
        }
        full = sum(place != OTHERS for _, place in self._refused) >= NAMED
        place = OTHERS if full and (action, address) not in self._refused else address
        change = Change(who="nobody", action=action, address=place)
        return self._refused.setdefault((action, place), _Refused(change, what, now, now))

    async def _keep(self) -> None:
        """Write what is new at once, and what was counted since then each minute."""
        while self._unkept():
            self._more.clear()
            await self._write()
            if self._ending:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    await self._more.wait()

    def _unkept(self) -> list[_Refused]:
        return [each for each in self._refused.values() if each.count > each.kept]

    async def _write(self) -> None:
        for each in self._unkept():
            try:
                await self._write_one(each)
            except PlatformError as error:
                _LOG.warning("not in the log what did not get in: %s", error)
                return

    async def _write_one(self, refused: _Refused) -> None:
        count, reason, last = refused.count, refused.reason, refused.last
        if refused.number is None:
            change, first = refused.change, refused.first
            refused.number = await self._kept.told(lambda store: store.begin_change(change, first))
        number = refused.number
        await self._kept.told(
            lambda store: store.end_change(number, ChangeOutcome.FAILED, reason, last)
        )
        refused.kept = count
