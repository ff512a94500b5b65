"""Two recorded pipelines side by side: what is new, what is fixed, and what nobody knows."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from activities.baseline_reading import counts_of
from activities.fleet_reading import FleetReading, batches
from activities.ports import ResultStore
from contract.analysis import Category, Severity
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from contract.spec import AppRef
from contract.weakness import BaselineState, Weakness
from control.compared_looks import Looks
from control.comparing_asked import EVERY_CHANGE, AskedChanges, fitting
from control.comparison import Change, ComparedApp, ComparedModel, Comparison
from control.errors import NotStoredError, WrongInputError
from control.findings_scope import tool_named
from control.mistakes import unlike
from control.naming import app_of
from control.stored import Stored
from reports.against import against, counted, kinds_of, reasons_of
from reports.baseline_results import BaselineReport, ModelBaseline
from reports.model import AppReport

_NAMED = 5
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
Place = tuple[int, int, str, str, int, bool]
_STATES = {state: rank for rank, state in enumerate(BaselineState)}


async def compare(
    stored: Stored,
    then_id: str,
    now_id: str,
    wanted: AskedChanges = EVERY_CHANGE,
    *,
    limit: int = 1_000,
    most_apps: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Comparison:
    """What the later pipeline says against the earlier one.

    Args:
        stored: has both.
        then_id: the earlier one.
        now_id: the later one.
        wanted: which apps are compared, in which categories, and which changes are listed.
        limit: of the changes to list.
        most_apps: list at most so many apps, and only those that differ; None: list all.
        on_progress: hears how many apps are compared, and how many there are.

    Raises:
        NotStoredError: one of the pipelines is not there.
        WrongInputError: it is the same one, or there is no such app, model or tool.
        PlatformError: the store cannot be read.
    """
    if then_id == now_id:
        raise WrongInputError("a pipeline is not compared with itself", next_step="name two")
    listing = _Listing(wanted, limit, most_apps)

    async def ask(results: ResultStore) -> Comparison:
        then, now = await _opened(results, then_id), await _opened(results, now_id)
        await require_tools(results, (then_id, now_id), wanted.tool)
        return await _compare(then, now, listing, on_progress)

    return await stored.answered(now_id, ask, lags=True)


async def require_tools(
    results: ResultStore, pipelines: Iterable[str], tools: Collection[str]
) -> None:
    """See that each of these tools ran in one of the pipelines.

    Raises:
        WrongInputError: one of them did not.
    """
    if tools:
        cells = [cell for id_ in pipelines for cell in (await results.overview(id_)).cells]
        for tool in tools:
            tool_named(tool, cells)


async def _opened(results: ResultStore, pipeline_id: str) -> FleetReading:
    try:
        return await FleetReading.open(results, pipeline_id)
    except PlatformError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        message = f"no pipeline {pipeline_id!r} in the store"
        raise NotStoredError(pipeline_id, message) from error


async def _compare(
    then: FleetReading,
    now: FleetReading,
    listing: "_Listing",
    on_progress: Callable[[int, int], None],
) -> Comparison:
    chosen = _chosen(then, now, listing.wanted)
    counts = counts_of(then, chosen)
    refs = [ref for ref in now.refs() if not chosen or ref in chosen]
    done = 0
    for batch in batches(refs):
        before = await then.apps(batch)
        for ref, app in (await now.apps(batch)).items():
            told = against(app, before.get(ref))
            counts.add(told)
            if ref in before:
                listing.add(before[ref], told)
        done += len(batch)
        on_progress(done, len(refs))
    return listing.comparison(then, now, counts.result())


def _chosen(then: FleetReading, now: FleetReading, wanted: AskedChanges) -> frozenset[AppRef]:
    """The apps that were asked for; none: all that the pipelines are about."""
    there = now.refs()
    labels = [ref.label for ref in there]
    only = tuple(map(app_of, wanted.app))
    wrong = [unlike(ref.label, labels, "app") for ref in only if ref not in there]
    models = sorted({ref.model for ref in (*then.refs(), *there)})
    wrong += [unlike(model, models, "model") for model in wanted.model if model not in models]
    if wrong:
        raise WrongInputError(
            f"not in pipeline {now.outline.pipeline_id}: {', '.join((*wanted.app, *wanted.model))}",
            next_step="correct it, or leave it out",
            lines=tuple(wrong),
        )
    if not wanted.model:
        return frozenset(only)
    found = (ref for ref in (*then.refs(), *there) if ref.model in wanted.model)
    chosen = frozenset(ref for ref in found if not only or ref in only)
    if not chosen:
        raise WrongInputError(
            "no app is of these models and among these apps",
            next_step="leave out the models or the apps",
        )
    return chosen


class _Listing:
    """Keeps the gravest changes, and the counts of each app."""

    def __init__(self, wanted: AskedChanges, limit: int, most_apps: int | None) -> None:
        self.wanted = wanted
        self._categories = frozenset(wanted.categories or Category)
        self._fits = fitting(wanted)
        self._limit = limit
        self._most_apps = most_apps
        self._alike = self._apps_left = 0
        self._looks = Looks(self._categories)
        self._apps: list[ComparedApp] = []
        self._reasons = Counter[str]()
        self._changes: list[Change] = []
        self._found = 0

    def add(self, then: AppReport, now: AppReport) -> None:
        """Take an app of both pipelines; the later report says what became of its weaknesses."""
        label = now.ref.label
        told = [(each, True) for each in now.weaknesses] + [(each, False) for each in now.gone]
        told = [(each, there) for each, there in told if each.finding.category in self._categories]
        self._reasons.update(each.baseline_reason for each, _ in told if each.baseline_reason)
        counts = counted(kinds_of(each for each, _ in told))
        looks = self._looks.add(then, now)
        self._list(ComparedApp(app=label, counts=counts, looks=looks))
        changes = (_change(label, each, there) for each, there in told)
        mine = [each for each in changes if each and self._fits(each)]
        self._found += len(mine)
        self._changes += mine
        if len(self._changes) > 2 * self._limit:
            self._trim()

    def _list(self, app: ComparedApp) -> None:
        if self._most_apps is not None and not app.differs:
            self._alike += 1
        elif self._most_apps is not None and len(self._apps) >= self._most_apps:
            self._apps_left += 1
        else:
            self._apps.append(app)

    def _trim(self) -> None:
        self._changes = sorted(self._changes, key=gravest)[: self._limit]

    def comparison(
        self, then: FleetReading, now: FleetReading, summary: BaselineReport
    ) -> Comparison:
        """All that was taken."""
        self._trim()
        return Comparison(
            then=then.outline.pipeline_id,
            now=now.outline.pipeline_id,
            notes=tuple(_notes(then.outline, now.outline, summary)),
            categories=tuple(each for each in Category if each in self._categories),
            summary=summary,
            models=tuple(self._model(each) for each in summary.models),
            apps=tuple(self._apps),
            apps_alike=self._alike,
            apps_left_out=self._apps_left,
            looks=self._looks.total(),
            tools=self._looks.tools(),
            lost=self._looks.lost(),
            reasons=reasons_of(self._reasons),
            changes=tuple(self._changes),
            changes_left_out=self._found - len(self._changes),
        )

    def _model(self, told: ModelBaseline) -> ComparedModel:
        counts = tuple(each for each in told.counts if each.category in self._categories)
        looks = self._looks.of_model(told.model)
        return ComparedModel(model=told.model, counts=counts, looks=looks)


def _change(app: str, weakness: Weakness, there: bool) -> Change | None:
    """What changed; None: it is in both."""
    state = weakness.baseline
    if state is None or state is BaselineState.UNCHANGED:
        return None
    reason = weakness.baseline_reason
    return Change(app=app, state=state, there=there, reason=reason, weakness=weakness)


def gravest(change: Change) -> Place:
    """The place of a change in a list: no two have the same."""
    known = change.weakness.finding.fingerprint
    ranks = _RANKS[change.weakness.finding.severity], _STATES[change.state]
    return *ranks, change.app, known, change.weakness.occurrence, change.there


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
