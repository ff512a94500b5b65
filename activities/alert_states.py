"""From what one look saw to alerts and notices: pure.

An alert fires when enough looks in a row saw its fault, and is over when `QUIET` looks in a row did
not. What could not be judged neither fires nor ends. What nobody looks at any more is forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contract.alert import Notice, Severity
from contract.alerting import AlertChange, Judgement, StoredAlert

QUIET = 2
"""Looks in a row that do not see a fault before it is over."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How receivers want to be told.

    Attributes:
        wanting: names of receivers by severity; nobody is told where there are none.
        repeat_s: an alert that lasts is told again after so long; those for information are not.
        known: false: the alerts file is wrong, so that the end of no alert can be told now.
    """

    wanting: Mapping[Severity, Sequence[str]]
    repeat_s: float
    known: bool = True


def changed(
    before: Mapping[str, StoredAlert], judged: Judgement, now: datetime, telling: Telling
) -> AlertChange:
    """The alerts after a look.

    Args:
        before: by key, as the store has them.
        judged: what the look found.
        now: when it looked.
        telling: who is told.
    """
    kept: dict[str, StoredAlert] = {}
    told: list[tuple[Notice, Sequence[str]]] = []
    for notice in judged.alerts:
        alert = _seen(before.get(notice.key), notice, judged.patience.get(notice.name, 1), now)
        receivers = telling.wanting.get(notice.severity, ())
        if receivers and _is_due(alert, now, telling.repeat_s):
            repeat = alert.notice.repeat + (alert.told_at is not None)
            news = alert.notice.model_copy(update={"repeat": repeat})
            alert = alert.model_copy(update={"notice": news, "told_at": now})
            told.append((news, receivers))
        kept[notice.key] = alert
    for key, alert in before.items():
        if key not in kept:
            ended, after = _without(alert, judged)
            if ended is None or (alert.told_at and not telling.known):
                kept[key] = after
            elif alert.told_at is not None:
                told.append((ended, telling.wanting.get(ended.severity, ())))
    return AlertChange(kept, told)


def _without(alert: StoredAlert, judged: Judgement) -> tuple[Notice | None, StoredAlert]:
    """What a look that does not name it makes of it: the notice of its end, if it has ended."""
    notice = alert.notice
    if _is_forgotten(notice, judged):
        return notice.model_copy(update={"is_over": True, "is_forgotten": True}), alert
    if _is_unknown(notice, judged):
        return None, alert
    after = alert.model_copy(update={"unseen": alert.unseen + 1, "seen": 0})
    over = notice.model_copy(update={"is_over": True})
    return (over if after.unseen >= (QUIET if after.firing else 1) else None), after


def _is_forgotten(notice: Notice, judged: Judgement) -> bool:
    host = notice.labels.get("host")
    gone = host is not None and judged.hosts is not None and host not in judged.hosts
    return gone or any(scope.has(notice) for scope in judged.forgotten)


def _is_unknown(notice: Notice, judged: Judgement) -> bool:
    named = notice.name in judged.unknown or notice.key in judged.cut
    return named or any(scope.has(notice) for scope in judged.unseen)


def _seen(known: StoredAlert | None, notice: Notice, patience: int, now: datetime) -> StoredAlert:
    if known is None:
        known = StoredAlert(notice=notice)
    same = {"began_at": known.notice.began_at, "repeat": known.notice.repeat}
    seen = known.seen + 1
    firing = known.firing or seen >= patience
    return StoredAlert(
        notice=notice.model_copy(update=same),
        firing=firing,
        fired_at=known.fired_at or (now if firing else None),
        seen=seen,
        told_at=known.told_at,
    )


def _is_due(alert: StoredAlert, now: datetime, repeat_s: float) -> bool:
    if not alert.firing or alert.told_at is None:
        return alert.firing
    lasts_s = (now - alert.told_at).total_seconds()
    return alert.notice.severity is not Severity.INFO and lasts_s >= repeat_s
