"""Alerts: which fire now, and whether those who are to be told can be reached."""

import asyncio
from datetime import UTC, datetime, timedelta

from clients.notify.model import AlertsFile
from clients.notify.notifier import FileNotifier
from contract.alert import Notice, Severity
from contract.alerting import StoredAlert
from control.alert_documents import (
    FiringAlert,
    FiringAlerts,
    ReceiverAnswer,
    Receivers,
    UnsentNotice,
)
from control.errors import WrongInputError
from control.stored import Stored
from control.system_documents import Part, PartState
from store.alerts import AlertStore

_SHOWN = 20
_CURRENT = timedelta(minutes=5)


async def firing_alerts(stored: Stored) -> FiringAlerts:
    """The alerts that fire now; none where no worker has made a store yet.

    Raises:
        PlatformError: the store cannot be read.
    """
    if not stored.exists():
        return FiringAlerts()
    store = AlertStore.from_url(stored.url)
    try:
        alerts, unsent, watch = await store.alerts(), await store.unsent(), await store.watch()
    finally:
        await store.close()
    looked_at = watch.looked_at
    return FiringAlerts(
        alerts=tuple(_firing(alert) for alert in alerts if alert.firing),
        unsent=tuple(
            UnsentNotice(
                receiver=one.receiver,
                key=one.notice.key,
                is_over=one.notice.is_over,
                attempts=one.attempts,
                why=one.why,
            )
            for one in unsent
        ),
        looked_at=looked_at,
        watched=looked_at is not None and datetime.now(UTC) - looked_at < _CURRENT,
    )


async def alerts_part(stored: Stored) -> Part:
    """The alerts as one part of the installation.

    Raises:
        PlatformError: the store cannot be read.
    """
    found = await firing_alerts(stored)
    firing, count = found.alerts, len(found.alerts)
    matter = [one for one in firing if one.severity is not Severity.INFO]
    state = PartState.ATTENTION if matter or found.unsent else PartState.OK
    detail = "1 alert fires" if count == 1 else f"{count} alerts fire"
    if not found.watched:
        state = PartState.UNKNOWN
        since = f"since {found.looked_at:%Y-%m-%d %H:%M} UTC" if found.looked_at else "yet"
        detail += f", and no worker has looked {since}"
    if found.unsent:
        waits = len(found.unsent)
        detail += f", {'1 notice is' if waits == 1 else f'{waits} notices are'} not sent yet"
    facts = {f"{one.severity}: {one.key}": one.summary for one in firing[:_SHOWN]}
    step = firing[0].next_step if matter else ""
    return Part(id="alerts", name="Alerts", state=state, detail=detail, next_step=step, facts=facts)


async def checked_receivers(notifier: FileNotifier, file: str) -> Receivers:
    """Who is told of alerts, and whose secrets cannot be read.

    Raises:
        PlatformError: INVALID_ARGUMENT: the file is wrong, or there is none.
    """
    known = (await _file(notifier)).receivers
    whys = [await notifier.lacking(one) for one in known]
    return Receivers(file=file, receivers=tuple(map(_answer, known, whys)))


async def tested_receivers(notifier: FileNotifier, file: str, who: str) -> Receivers:
    """Send a test notice to every receiver, whatever severity it wants, and that it is over.

    How each took them is told. Who did not take the first gets no second one.

    Args:
        notifier: of the alerts file.
        file: its name, for people.
        who: asks for it.

    Raises:
        PlatformError: INVALID_ARGUMENT: the file is wrong, or there is none.
    """
    known = (await _file(notifier)).receivers
    notice = Notice(
        key="Test",
        name="Test",
        severity=Severity.INFO,
        summary=f"A test of Assay's alerts, asked for by {who}: nothing is wrong.",
        began_at=datetime.now(UTC),
    )
    over = notice.model_copy(update={"is_over": True})

    async def both(name: str) -> str:
        return await notifier.deliver(name, notice) or await notifier.deliver(name, over)

    whys = await asyncio.gather(*(both(one.name) for one in known))
    answers = (_answer(one, why) for one, why in zip(known, whys, strict=True))
    return Receivers(file=file, sent=True, receivers=tuple(answers))


async def _file(notifier: FileNotifier) -> AlertsFile:
    file = await notifier.file()
    if file is None:
        step = "name one in ASSAY_ALERTS_FILE (docs/alerts.md has an example)"
        raise WrongInputError("there is no alerts file: nobody is told of alerts", next_step=step)
    return file


def _answer(receiver: object, why: str = "") -> ReceiverAnswer:
    known = ReceiverAnswer.model_validate(receiver, from_attributes=True)
    return known.model_copy(update={"why": why.removeprefix(f"{known.name}: ")})


def _firing(alert: StoredAlert) -> FiringAlert:
    notice = alert.notice
    return FiringAlert(
        since=notice.began_at,
        told_at=alert.told_at,
        **notice.model_dump(include=set(FiringAlert.model_fields)),
    )
