"""Telling receivers what is kept for them, each in its order; who is away is told later."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from activities.alert_ports import AlertKeeper, Receivers
from contract.alert import Notice
from contract.alerting import Delivery
from contract.errors import PlatformError

UNADDRESSED = "(alerts file)"
"""For whom a notice is kept while the alerts file is wrong; no receiver can be called so."""
_TELL_S = 40.0
logger = logging.getLogger("assay.alerts")


async def tell_due(keeper: AlertKeeper, receivers: Receivers, now: datetime) -> tuple[str, ...]:
    """Tell each receiver what it is to be told now; what went wrong, one sentence for each.

    Raises:
        PlatformError: what is to be told cannot be read, or what was told cannot be kept.
    """
    if rewritten := await receivers.rewritten():
        await keeper.hurry((*rewritten, UNADDRESSED), now)
    due = await keeper.claim(now)
    if unaddressed := due.pop(UNADDRESSED, ()):
        await _address(keeper, receivers, unaddressed, now)
        due |= await keeper.claim(now)
    told = await asyncio.gather(*(_tell_one(keeper, receivers, mine) for mine in due.values()))
    return tuple(filter(None, told))


async def _address(
    keeper: AlertKeeper, receivers: Receivers, due: Sequence[Delivery], now: datetime
) -> None:
    """Keep for its receivers what was kept while the alerts file was wrong, unless it still is."""
    for delivery in due:
        try:
            names, why = await receivers.wanting(delivery.notice.severity), ""
        except PlatformError as error:
            names, why = (), error.message
        await keeper.add(delivery.notice, names, now)
        await keeper.told(delivery, why, now)
        if why:
            return


async def _tell_one(keeper: AlertKeeper, receivers: Receivers, due: Sequence[Delivery]) -> str:
    """What one receiver is to be told, in order, until it fails once."""
    give_up_s = time.monotonic() + _TELL_S
    for delivery in due:
        if time.monotonic() > give_up_s:
            break
        why = await receivers.deliver(delivery.receiver, delivery.notice)
        await keeper.told(delivery, why, datetime.now(UTC))
        if why:
            logger.warning("notice %s not sent: %s", delivery.notice.key, why)
            return why
    return ""


class Outbox:
    """The port `Notifier` for news: kept first, so that a receiver that is away gets them later."""

    def __init__(self, keeper: AlertKeeper, receivers: Receivers) -> None:
        self._keeper = keeper
        self._receivers = receivers

    async def send(self, notice: Notice) -> tuple[str, ...]:
        """Keep `notice` for every receiver that wants it, and tell them what they are to be told.

        Answers what went wrong; a receiver that failed is told later, and all of them are where the
        alerts file is wrong, when it is right again. Raises nothing.
        """
        now = datetime.now(UTC)
        try:
            names, faults = await self._wanting(notice)
            await self._keeper.add(notice, names, now)
            return faults or await tell_due(self._keeper, self._receivers, now)
        except PlatformError as error:
            return (error.message,)

    async def _wanting(self, notice: Notice) -> tuple[tuple[str, ...], tuple[str, ...]]:
        try:
            return await self._receivers.wanting(notice.severity), ()
        except PlatformError as error:
            return (UNADDRESSED,), (error.message,)
