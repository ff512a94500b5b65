"""The report of one app, from the store: while its pipeline runs, and when no report is written.

It is made by what writes the report of a fleet, so that its figures are those of the report. Its
weaknesses are those that the store lists, with the decisions that hold today; of an app that is not
listed yet, what its recorded cells say.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from activities.decisions import decisions_of
from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.findings import PAGE_LIMIT, FindingsQuery
from contract.record import AppRecord, CellState, PipelineRecord
from contract.role import AppRole
from contract.spec import AppRef
from contract.weakness import Weakness
from control.errors import NoAppError
from control.findings import NOT_COMPARED, Search
from control.stored import Stored
from control.void_tools import ToolKey, void_tools
from reports.against import against
from reports.build import app_reports
from reports.facts import FleetFacts, Overview
from reports.known import Known
from reports.model import AppReport
from reports.scaffold import unread
from reports.suppressions import Decisions
from reports.tally import told_apart
from store.results import SqlResultStore

_MOST_KEPT, _MOST_WEAKNESSES = 64, 30_000
_MEASURED = MeasurementState.MEASURED
_Key = tuple[str, AppRef, bool]


@dataclass(frozen=True, slots=True)
class ReadApp:
    """One app of one pipeline.

    Attributes:
        report: as the report of its pipeline would tell it now.
        record: as it is stored, without findings.
        pipeline_state: `running`, `completed`, `cancelled` or `failed`.
        baseline: the earlier pipeline that it is compared with; empty: none.
        listed: its weaknesses are those that the store lists; else the pipeline may add some, and
            nobody has told what its scaffold and its baseline have.
        uncompared: the report has not compared it with its baseline yet.
        revision: another text when anything of it is another.
    """

    report: AppReport
    record: AppRecord
    pipeline_state: str
    baseline: str = ""
    listed: bool = False
    uncompared: bool = False
    revision: str = ""

    @property
    def ref(self) -> AppRef:
        """Its name."""
        return self.report.ref

    @property
    def pipeline_id(self) -> str:
        """Its pipeline."""
        return self.report.pipeline_id


@dataclass(frozen=True, slots=True)
class _Fleet:
    """The tools that were seen on any app, and why some are not to be believed."""

    tools: tuple[ToolKey, ...]
    void: tuple[tuple[ToolKey, str], ...]


class AppReadings:
    """Reads apps, and keeps what it read until the store says otherwise; for one process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, ReadApp] = OrderedDict()

    async def read(self, stored: Stored, pipeline_id: str, ref: AppRef) -> ReadApp:
        """One app.

        Raises:
            NotStoredError: there is no such pipeline.
            NoAppError: it has no such app.
            PlatformError: the store cannot be read.
        """

        async def ask(results: SqlResultStore) -> ReadApp | None:
            return await self.in_store(results, pipeline_id, ref)

        found = await stored.answered(pipeline_id, ask, lags=True)
        if found is None:
            raise NoAppError(pipeline_id, ref.label)
        return found

    async def in_store(
        self, results: SqlResultStore, pipeline_id: str, ref: AppRef, *, alone: bool = False
    ) -> ReadApp | None:
        """One app of an open store; None: the pipeline has no such app.

        Args:
            results: the store.
            pipeline_id: of the pipeline.
            ref: names the app.
            alone: without what its own baseline has and it has not.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        outline = await results.load_outline(pipeline_id, ref)
        if not outline.apps:
            return None
        fleet = await _fleet(results, pipeline_id)
        decisions = await decisions_of(results, pipeline_id)
        mark = await results.listing_mark(pipeline_id, ref)
        baseline = str(outline.spec.get("baseline") or "")
        then = await results.listing_mark(baseline, ref) if baseline and not alone else ""
        today = datetime.now(UTC).date()
        revision = _digest(outline, fleet, decisions, mark, then, today)
        known = self._kept.get((pipeline_id, ref, alone))
        if known is None or known.revision != revision:
            holding = Decisions.of(decisions, today)
            made = await _made(results, outline, fleet, holding, listed=bool(mark))
            app = _read_app(*made, revision, listed=bool(mark))
            known = app if alone else await _with_gone(self, results, app)
            self._keep((pipeline_id, ref, alone), known)
        self._kept.move_to_end((pipeline_id, ref, alone))
        return known

    def _keep(self, key: _Key, app: ReadApp) -> None:
        self._kept[key] = app
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self._too_much:
            self._kept.popitem(last=False)

    @property
    def _too_much(self) -> bool:
        kept = sum(len(app.report.weaknesses) for app in self._kept.values())
        return len(self._kept) > _MOST_KEPT or kept > _MOST_WEAKNESSES


async def _fleet(results: SqlResultStore, pipeline_id: str) -> _Fleet:
    """What the whole fleet says of its tools."""
    overview = await results.overview(pipeline_id)
    tools = dict.fromkeys((count.analyzer, count.tool) for count in overview.cells)
    void = await void_tools(results, pipeline_id, overview)
    return _Fleet(tuple(tools), tuple(void.items()))


async def _made(
    results: SqlResultStore,
    outline: PipelineRecord,
    fleet: _Fleet,
    decisions: Decisions,
    *,
    listed: bool,
) -> tuple[PipelineRecord, AppReport]:
    """The report without what its baseline says of what is gone."""
    id_, ref = outline.pipeline_id, outline.apps[0].ref
    record = await results.load_apps(id_, [ref])
    facts = (await _facts(results, record, fleet.tools)).voided(dict(fleet.void))
    # What is listed says of itself who brought it and what was decided.
    known = Known() if listed else Known(decisions, unread(record.spec.get("scaffold")))
    (report,) = await asyncio.to_thread(lambda: list(app_reports(record, facts, known)))
    if listed:
        weaknesses = await _listed(results, id_, ref, report.role)
        tallies = told_apart(report.findings, weaknesses)
        report = report.model_copy(update={"weaknesses": weaknesses, "findings": tallies})
    return record, report


def _read_app(record: PipelineRecord, report: AppReport, revision: str, *, listed: bool) -> ReadApp:
    baseline = str(record.spec.get("baseline") or "")
    unsaid = any(each.baseline_reason == NOT_COMPARED for each in report.weaknesses)
    subject = report.role is AppRole.SUBJECT
    return ReadApp(
        report=report,
        record=record.apps[0],
        pipeline_state=record.state,
        baseline=baseline,
        listed=listed,
        uncompared=bool(baseline) and subject and (unsaid or not listed),
        revision=revision,
    )


async def _with_gone(readings: AppReadings, results: SqlResultStore, app: ReadApp) -> ReadApp:
    """The app with what its baseline has and it has not, if its report compared the two.

    A baseline that the store does not have any more is no fault of the app: it has nothing.
    """
    if not app.baseline or app.uncompared or app.report.role is not AppRole.SUBJECT:
        return app
    try:
        then = await readings.in_store(results, app.baseline, app.ref, alone=True)
    except PlatformError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        then = None
    gone = against(app.report, then.report if then else None).gone
    return replace(app, report=app.report.model_copy(update={"gone": gone}))


async def _facts(
    results: SqlResultStore, record: PipelineRecord, tools: Iterable[ToolKey]
) -> FleetFacts:
    """What is fleet-wide: the tools that were seen on any app."""
    seen = await results.tools_seen(record.pipeline_id, tools)
    ref, told = record.apps[0].ref, Overview(record, datetime.now(UTC))
    cells = [
        CellState(ref, tool.analyzer, tool.tool, _MEASURED, tool.looks_for, imported=tool.imported)
        for tool in seen
    ]
    # What is required of the fleet's apps is no question of one app: it counts in none.
    told.add(AppRecord(ref=ref, role=AppRole.REPEAT), [*cells, *map(CellState.of, record.cells)])
    return told.facts()


async def _listed(
    results: SqlResultStore, pipeline_id: str, ref: AppRef, role: AppRole
) -> tuple[Weakness, ...]:
    """The weaknesses that the store lists, in the order of the app's own list."""
    query = FindingsQuery(pipeline_id=pipeline_id, apps=(ref,), roles=(role,), limit=PAGE_LIMIT)
    search = await Search.open(results, query, ())
    return tuple([item.weakness async for page in search.pages() for item in page])


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).hexdigest()[:32]
