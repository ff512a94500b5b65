"""The alert that no store can keep: that the store itself fails. It is told without it.

What is known of it goes from one worker to the next beside the store (`AlertActivities`), so that
the fault has one ID whoever tells it.
"""

import asyncio
import logging
from datetime import datetime

from activities.alert_ports import AlertKeeper, Receivers
from activities.alert_rules import notice
from activities.alert_states import QUIET
from activities.alert_table import ALERTS
from contract.alert import Notice, Severity
from contract.alerting import StoreFault
from contract.errors import ErrorCode, PlatformError

_NAME = "StoreFailing"
_STORE = "the store of results"
_FAULTS = {
    ErrorCode.UNAVAILABLE: f"{_STORE} does not answer",
    ErrorCode.RESOURCE_EXHAUSTED: f"{_STORE} is out of resources",
    ErrorCode.UNAUTHENTICATED: f"{_STORE} refuses its user",
    ErrorCode.PERMISSION_DENIED: f"{_STORE} cannot be written",
    ErrorCode.FAILED_PRECONDITION: f"the schema of {_STORE} is missing or old",
    ErrorCode.DATA_LOSS: f"{_STORE} is damaged",
}
logger = logging.getLogger("assay.alerts")


class StoreAlarm:
    """Tells each receiver until it took it, again while it lasts, and that it is over.

    Attributes:
        fault: what is known of it; None: the store works.
    """

    def __init__(self, keeper: AlertKeeper, receivers: Receivers) -> None:
        self.fault: StoreFault | None = None
        self._keeper = keeper
        self._receivers = receivers

    async def fails(self, error: PlatformError, now: datetime) -> None:
        """A look could not be kept. One alone says nothing: another writer may have been there."""
        logger.warning("alerts cannot be kept: %s", error.message)
        before = self.fault or StoreFault(began_at=now)
        said = {"summary": _summary(error), "detail": error.message}
        fault = before.model_copy(update={"looks": before.looks + 1, "works": 0, **said})
        self.fault = fault
        if fault.looks >= ALERTS[_NAME].patience:
            await self._tell(fault, now)

    async def works(self, now: datetime) -> None:
        """A look was kept. Who was told of the fault is told of its end through the store.

        Raises:
            PlatformError: it fails again.
        """
        if self.fault is None:
            return
        fault = self.fault.model_copy(update={"works": self.fault.works + 1})
        self.fault = fault
        if fault.works >= QUIET or not fault.told_at:
            over = _notice(fault).model_copy(update={"is_over": True})
            await self._keeper.add(over, tuple(fault.told_at), now)
            self.fault = None

    async def _tell(self, fault: StoreFault, now: datetime) -> None:
        try:
            names = await self._receivers.wanting(Severity.CRITICAL)
            repeat_s = await self._receivers.repeat_s()
        except PlatformError:  # the alerts file is wrong, which the next look may see corrected
            return
        due = [name for name in names if _is_due(fault, name, now, repeat_s)]
        took = await asyncio.gather(*(self._is_told(fault, name) for name in due))
        for name in (name for name, done in zip(due, took, strict=True) if done):
            repeats = fault.repeats | {name: _repeat(fault, name)}
            told = {"told_at": fault.told_at | {name: now}, "repeats": repeats}
            fault = fault.model_copy(update=told)
        self.fault = fault

    async def _is_told(self, fault: StoreFault, name: str) -> bool:
        news = _notice(fault).model_copy(update={"repeat": _repeat(fault, name)})
        if why := await self._receivers.deliver(name, news):
            logger.warning("notice %s not sent: %s", news.key, why)
        return not why


def _repeat(fault: StoreFault, receiver: str) -> int:
    return fault.repeats.get(receiver, -1) + 1


def _is_due(fault: StoreFault, receiver: str, now: datetime, repeat_s: float) -> bool:
    told_at = fault.told_at.get(receiver)
    return told_at is None or (now - told_at).total_seconds() >= repeat_s


def _notice(fault: StoreFault) -> Notice:
    return notice(_NAME, fault.began_at, fault.summary, detail=fault.detail)


def _summary(error: PlatformError) -> str:
    if error.code is ErrorCode.RESOURCE_EXHAUSTED and "disk" in error.message:
        return f"the disk of {_STORE} is full"
    return _FAULTS.get(error.code, f"{_STORE} fails")
