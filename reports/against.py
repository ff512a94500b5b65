"""Apps against their baseline: each report with its states, and the counts of the fleet. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contract.analysis import Category, Severity
from contract.spec import AppRole
from contract.weakness import BaselineState, Weakness
from reports.baseline import NOT_IN_BASELINE, Seen, compared
from reports.baseline_results import BaselineCount, BaselineReport, ModelBaseline, UnknownReason
from reports.model import AppReport

_LISTED, _REASONS = 50, 20
_Kind = tuple[Category, Severity, BaselineState, bool]
_SEVERITIES, _STATES, _CATEGORIES = list(Severity), list(BaselineState), list(Category)


def seen_of(app: AppReport) -> Seen:
    """What a report says was seen of an app."""
    return Seen(app.source_digest, app.weaknesses, app.cells)


def against(now: AppReport, then: AppReport | None, why: str = NOT_IN_BASELINE) -> AppReport:
    """The report of an app with what an earlier pipeline says of its weaknesses.

    Args:
        now: the app.
        then: the same app in the earlier pipeline; None: it is not there.
        why: it is not there.
    """
    told = compared(seen_of(now), seen_of(then) if then else None, why)
    return now.model_copy(update={"weaknesses": told.now, "gone": told.gone})


@dataclass(slots=True)
class BaselineCounts:
    """Counts the states of a fleet's weaknesses, app by app.

    Attributes:
        pipeline_id: the earlier pipeline.
        labels: its apps, in the order of its plan.
        finished_at: when it ended.
        problem: why nothing can be compared.
    """

    pipeline_id: str
    labels: Sequence[str] = ()
    finished_at: datetime | None = None
    problem: str = ""
    _known: frozenset[str] = frozenset()
    _both: int = 0
    _here: list[str] = field(default_factory=list[str])
    _seen: set[str] = field(default_factory=set[str])
    _counts: defaultdict[str, Counter[_Kind]] = field(
        default_factory=lambda: defaultdict[str, Counter[_Kind]](Counter[_Kind])
    )
    _reasons: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self._known = frozenset(self.labels)

    def add(self, app: AppReport) -> None:
        """Count one app; other apps than those the pipeline is about are none of it."""
        if app.role is not AppRole.SUBJECT:
            return
        label = app.ref.label
        self._seen.add(label)
        if label not in self._known:
            self._here.append(label)
            return
        self._both += 1
        told = [*app.weaknesses, *app.gone]
        self._counts[app.ref.model].update(kinds_of(told))
        self._reasons.update(each.baseline_reason for each in told if each.baseline_reason)

    def result(self) -> BaselineReport:
        """The counts of all apps so far."""
        there = [label for label in self.labels if label not in self._seen]
        total = sum(self._counts.values(), Counter[_Kind]())
        return BaselineReport(
            pipeline_id=self.pipeline_id,
            problem=self.problem,
            finished_at=self.finished_at,
            apps=self._both,
            only_now=tuple(self._here[:_LISTED]),
            only_now_total=len(self._here),
            only_then=tuple(there[:_LISTED]),
            only_then_total=len(there),
            counts=counted(total),
            models=tuple(
                ModelBaseline(model=model, counts=counted(counts))
                for model, counts in self._counts.items()
            ),
            reasons=reasons_of(self._reasons),
        )


def kinds_of(weaknesses: Iterable[Weakness]) -> Counter[_Kind]:
    """How many weaknesses there are of each kind."""
    return Counter(
        (
            each.finding.category,
            each.finding.severity,
            each.baseline,
            each.suppression is not None,
        )
        for each in weaknesses
        if each.baseline is not None
    )


def counted(counts: Counter[_Kind]) -> tuple[BaselineCount, ...]:
    """The counts in the order of categories, severities and states."""
    kinds = sorted({kind[:3] for kind in counts}, key=_order)
    return tuple(
        BaselineCount(
            category=category,
            severity=severity,
            state=state,
            count=counts[category, severity, state, False] + suppressed,
            suppressed=suppressed,
        )
        for category, severity, state in kinds
        for suppressed in (counts[category, severity, state, True],)
    )


def reasons_of(reasons: Counter[str]) -> tuple[UnknownReason, ...]:
    """The most frequent reasons; a file or operation in them is one of many."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(UnknownReason(reason=reason, count=count) for reason, count in ordered[:_REASONS])


def _order(kind: tuple[Category, Severity, BaselineState]) -> tuple[int, int, int]:
    category, severity, state = kind
    return _CATEGORIES.index(category), _SEVERITIES.index(severity), _STATES.index(state)
