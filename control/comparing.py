"""Two recorded pipelines side by side: what is new, what is fixed, and what nobody knows."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from activities.baseline_reading import counts_of
from activities.fleet_reading import FleetReading, batches
from activities.ports import ResultStore
from contract.analysis import Category, Severity
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from contract.spec import AppRef
from contract.weakness import BaselineState, Weakness
from control.errors import NotStoredError, WrongInputError
from control.mistakes import unlike
from control.stored import Stored
from reports.against import against, counted, kinds_of
from reports.baseline_results import BaselineCount, BaselineReport
from reports.model import AppReport

MOST_CHANGES = 10_000
_NAMED = 5
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_STATES = {state: rank for rank, state in enumerate(BaselineState)}


class Change(Frozen):
    """A weakness that is not simply in both pipelines.

    Attributes:
        app: `model/appN`.
        state: `new`, `fixed` or `unknown`.
        there: whether the later pipeline has it.
        reason: why nobody knows.
    """

    app: str
    state: BaselineState
    there: bool
    reason: str = ""
    weakness: Weakness


class ComparedApp(Frozen):
    """One app of both pipelines; `counts`: its weaknesses, each a `BaselineCount`."""

    app: str
    counts: tuple[BaselineCount, ...]


class Comparison(Frozen):
    """Two pipelines.

    Attributes:
        then, now: the earlier one and the later one.
        notes: what a reader must know before the figures.
        summary: a `BaselineReport`: `counts`, `models`, apps that only one of them has.
        apps: those in both, each a `ComparedApp`.
        changes: each a `Change`, of the categories that were asked for, the gravest first.
        changes_left_out: how many there are beyond those listed.
    """

    then: str
    now: str
    notes: tuple[str, ...] = ()
    summary: BaselineReport
    apps: tuple[ComparedApp, ...] = ()
    changes: tuple[Change, ...] = ()
    changes_left_out: int = 0


async def compare(
    stored: Stored,
    then_id: str,
    now_id: str,
    *,
    only: Collection[AppRef] = (),
    categories: Collection[Category] = (Category.SECURITY,),
    limit: int = 1_000,
) -> Comparison:
    """What the later pipeline says against the earlier one.

    Args:
        stored: has both.
        then_id: the earlier one.
        now_id: the later one.
        only: these apps; none: all.
        categories: of the changes to list; counts are of all.
        limit: of the changes to list.

    Raises:
        NotStoredError: one of the pipelines is not there.
        WrongInputError: it is the same one, or there is no such app.
        PlatformError: the store cannot be read.
    """
    if then_id == now_id:
        raise WrongInputError("a pipeline is not compared with itself", next_step="name two")
    listing = _Listing(categories, limit)

    async def ask(results: ResultStore) -> Comparison:
        then, now = await _opened(results, then_id), await _opened(results, now_id)
        return await _compare(then, now, frozenset(only), listing)

    return await stored.answered(now_id, ask, lags=True)


async def _opened(results: ResultStore, pipeline_id: str) -> FleetReading:
    try:
        return await FleetReading.open(results, pipeline_id)
    except PlatformError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        message = f"no pipeline {pipeline_id!r} in the store"
        raise NotStoredError(pipeline_id, message) from error


async def _compare(
    then: FleetReading, now: FleetReading, only: frozenset[AppRef], listing: "_Listing"
) -> Comparison:
    counts = counts_of(then, only)
    for refs in batches(_chosen(now, only)):
        before = await then.apps(refs)
        for ref, app in (await now.apps(refs)).items():
            told = against(app, before.get(ref))
            counts.add(told)
            if ref in before:
                listing.add(told)
    return listing.comparison(then, now, counts.result())


def _chosen(now: FleetReading, only: Collection[AppRef]) -> Sequence[AppRef]:
    """The apps that the pipeline is about, or those that were asked for."""
    there = now.refs()
    labels = [ref.label for ref in there]
    wrong = [unlike(ref.label, labels, "app") for ref in only if ref not in there]
    if wrong:
        raise WrongInputError(
            f"not in pipeline {now.outline.pipeline_id}: {len(wrong)} app(s)", lines=tuple(wrong)
        )
    return [ref for ref in there if not only or ref in only]


class _Listing:
    """Keeps the gravest changes, and the counts of each app."""

    def __init__(self, categories: Collection[Category], limit: int) -> None:
        self._categories = frozenset(categories)
        self._limit = limit
        self._apps: list[ComparedApp] = []
        self._changes: list[Change] = []
        self._found = 0

    def add(self, app: AppReport) -> None:
        """Take an app of both pipelines."""
        label = app.ref.label
        counts = counted(kinds_of([*app.weaknesses, *app.gone]))
        self._apps.append(ComparedApp(app=label, counts=counts))
        mine = [*self._of(label, app.weaknesses, True), *self._of(label, app.gone, False)]
        self._found += len(mine)
        self._changes += mine
        if len(self._changes) > 2 * self._limit:
            self._trim()

    def _trim(self) -> None:
        self._changes = sorted(self._changes, key=_gravest)[: self._limit]

    def _of(self, label: str, weaknesses: Iterable[Weakness], there: bool) -> Iterator[Change]:
        for each in weaknesses:
            state = each.baseline
            wanted = each.finding.category in self._categories
            if wanted and state is not None and state is not BaselineState.UNCHANGED:
                yield Change(
                    app=label,
                    state=state,
                    there=there,
                    reason=each.baseline_reason,
                    weakness=each,
                )

    def comparison(
        self, then: FleetReading, now: FleetReading, summary: BaselineReport
    ) -> Comparison:
        """All that was taken."""
        self._trim()
        return Comparison(
            then=then.outline.pipeline_id,
            now=now.outline.pipeline_id,
            notes=tuple(_notes(then.outline, now.outline, summary)),
            summary=summary,
            apps=tuple(self._apps),
            changes=tuple(self._changes),
            changes_left_out=self._found - len(self._changes),
        )


def _gravest(change: Change) -> tuple[int, int, str]:
    return _RANKS[change.weakness.finding.severity], _STATES[change.state], change.app


def _notes(then: PipelineRecord, now: PipelineRecord, summary: BaselineReport) -> Iterator[str]:
    for one in (then, now):
        if one.state != "completed":
            yield f"pipeline {one.pipeline_id} is {one.state}: what it did not measure is unknown"
    if then.created_at and now.created_at and then.created_at > now.created_at:
        yield f"{then.pipeline_id} began after {now.pipeline_id}: the earlier one is named first"
    if not summary.apps:
        yield "no app is in both pipelines"
    for label, total, listed in (
        (then.pipeline_id, summary.only_then_total, summary.only_then),
        (now.pipeline_id, summary.only_now_total, summary.only_now),
    ):
        if total:
            names = ", ".join(listed[:_NAMED]) + (", ..." if total > _NAMED else "")
            yield f"{total} app(s) only in {label}, of which nothing is said: {names}"
