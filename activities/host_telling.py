"""Each worker tells what its host is like, for whoever looks for alerts."""

import asyncio
import logging
from datetime import datetime, timedelta

from activities.alert_ports import AlertKeeper, HostLook
from activities.measures import swept_at
from contract.alerting import HostFacts
from contract.errors import PlatformError

_GAP = timedelta(minutes=5)
logger = logging.getLogger("assay.alerts")


async def tell_host(look: HostLook, keeper: AlertKeeper, every_s: float) -> None:
    """Keep what this host's worker sees of it, again and again, until it is cancelled.

    It goes on with what the host's last worker said. That it fails is logged once for each time
    that it begins to fail.
    """
    failed = is_read = False
    before: HostFacts | None = None
    while True:
        try:
            if not is_read:
                before, is_read = await _said(keeper, look.host), True
            before = _with_sweep(await look.look(before), before)
            await keeper.tell_host(before)
            failed = False
        except PlatformError as error:
            if not failed:
                logger.warning("what this host is like cannot be kept: %s", error.message)
            failed = True
        except Exception:  # nothing that watches may end the worker
            if not failed:
                logger.exception("this host cannot be looked at")
            failed = True
        await asyncio.sleep(every_s)


async def _said(keeper: AlertKeeper, host: str) -> HostFacts | None:
    return next((one for one in await keeper.hosts() if one.host == host), None)


def _with_sweep(facts: HostFacts, before: HostFacts | None) -> HostFacts:
    """`facts`, and since when nothing was swept to the end, though somebody was here."""
    found = [swept_at(facts.host), _known(facts.at, before)]
    return facts.model_copy(update={"swept_at": max(at for at in found if at)})


def _known(now: datetime, before: HostFacts | None) -> datetime:
    if before is None or before.swept_at is None or now - before.at > _GAP:
        return now
    return before.swept_at
