"""The journal of a pipeline from what the store holds: what an archive carries of its rows.

A store keeps what stands, not every step to it. The journal that is made here leads to the same
cells: one recording for each result archive that a cell still comes from, the oldest first.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from activities.result_cache import LOST
from contract.analysis import AnalyzerReport, ArtifactRef
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.journal import (
    AppRecorded,
    JournalEntry,
    PageRegistered,
    StateRecorded,
    SubtaskRecorded,
)
from contract.limits import REASON_CHARS
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PAGE_APPS, AppEntry, PlanHeader, PlanPage
from contract.record import AppRecord, CellRecord, PipelineRecord, by_app
from contract.shortening import shortened
from contract.spec import AppSpec
from store.results import SqlResultStore

_BATCH_APPS = 10
_BEGINNING = datetime.min.replace(tzinfo=UTC)
Batch = Callable[[PipelineRecord], Awaitable[None]]


class Archives(Protocol):
    """The result archives that the cells come from."""

    def held(self, archive: ArtifactRef) -> bool:
        """Whether it is still there."""
        ...

    async def load(self, archive: ArtifactRef) -> AnalyzerReport:
        """Its report."""
        ...


async def journal_of_rows(
    store: SqlResultStore, pipeline_id: str, archives: Archives, on_batch: Batch
) -> AsyncIterator[JournalEntry]:
    """What happened to a pipeline, as far as its rows show it, a few apps at a time.

    Args:
        store: where the rows are.
        pipeline_id: of the pipeline.
        archives: where the cells come from.
        on_batch: is given the records of each few apps.

    Raises:
        PlatformError: NOT_FOUND, or the store cannot be read.
    """
    header = await store.load_header(pipeline_id)
    outline = await store.load_outline(pipeline_id)
    entries: list[AppEntry] = []
    for first in range(0, len(outline.apps), PAGE_APPS):
        entries += await store.read_apps(pipeline_id, range(first, first + PAGE_APPS))
    at = outline.created_at or _BEGINNING
    for page in _pages(header, entries):
        yield PageRegistered(at=at, header=header, page=page)
    for first in range(0, len(entries), _BATCH_APPS):
        chosen = entries[first : first + _BATCH_APPS]
        record = await store.load_apps(pipeline_id, [entry.app.ref for entry in chosen])
        await on_batch(record)
        apps = {app.ref: app for app in record.apps}
        cells = by_app(record.cells)
        for entry in chosen:
            spec = header.app_spec(entry.app)
            async for recorded in _of_app(
                spec, apps[spec.ref], cells.get(spec.ref, ()), archives, at
            ):
                yield recorded
    yield StateRecorded(
        at=outline.finished_at or at,
        pipeline_id=pipeline_id,
        state=outline.state,
        detail=outline.detail,
    )


def _pages(header: PlanHeader, entries: Sequence[AppEntry]) -> Iterable[PlanPage]:
    """The pages of the plan as they were, and those of apps that were added later."""
    first = 0
    while first < len(entries):
        end = min(first + PAGE_APPS, header.total if first < header.total else len(entries))
        apps = tuple(entry.app for entry in entries[first:end])
        yield PlanPage(first=entries[first].position, apps=apps)
        first = end


async def _of_app(
    spec: AppSpec,
    app: AppRecord,
    cells: Sequence[CellRecord],
    archives: Archives,
    at: datetime,
) -> AsyncIterator[JournalEntry]:
    for kind in AnalyzerKind:
        mine = [cell for cell in cells if cell.analyzer is kind]
        groups = _by_archive(mine, archives)
        for group in groups:
            tools = len(group)
            if group[0].artifact is not None and len(groups) > 1:
                tools = await _tools_in(group[0].artifact, group, archives)
            yield SubtaskRecorded(at=at, app=spec, outcome=_outcome(spec, kind, group, tools))
    if app.state is not None:
        outcome = AppOutcome(ref=app.ref, state=app.state, reason=app.reason, facts=app.facts)
        yield AppRecorded(at=at, app=spec, outcome=outcome)


def _by_archive(cells: Iterable[CellRecord], archives: Archives) -> list[list[CellRecord]]:
    """Cells that came together; those without an archive last, as they replace no measurement."""

    def when(group: Sequence[CellRecord]) -> tuple[bool, datetime]:
        archive = group[0].artifact
        started = (cell.report.provenance.started_at for cell in group)
        lost = archive is None or not archives.held(archive)
        return lost, max((at for at in started if at), default=_BEGINNING)

    groups: dict[str, list[CellRecord]] = {}
    for cell in cells:
        groups.setdefault(cell.artifact.key if cell.artifact else "", []).append(cell)
    return sorted(groups.values(), key=when)


async def _tools_in(archive: ArtifactRef, group: Sequence[CellRecord], archives: Archives) -> int:
    """How many tools its analyzer ran then; an archive that is gone no longer tells."""
    try:
        report = await archives.load(archive)
    except PlatformError as error:
        if error.code not in LOST:
            raise
        return len(group)
    return len({cell.tool for cell in group} | {tool.tool for tool in report.tools})


def _outcome(
    spec: AppSpec, kind: AnalyzerKind, group: Sequence[CellRecord], tools: int
) -> SubtaskOutcome:
    """The outcome that leaves these cells; of waste, each of its tools has an equal share."""
    return SubtaskOutcome(
        subtask_id=spec.subtask_id(kind),
        analyzer=kind,
        tools=tuple(_summary(cell) for cell in group),
        report=group[0].artifact,
        attempts=max(cell.attempts for cell in group),
        tool_seconds=sum(cell.tool_seconds for cell in group),
        wasted_seconds=group[0].wasted_seconds * tools,
        saved_seconds=sum(cell.saved_seconds for cell in group),
    )


def _summary(cell: CellRecord) -> ToolSummary:
    return ToolSummary(
        tool=cell.tool,
        state=cell.state,
        reason=shortened(cell.report.reason, REASON_CHARS),
        findings=len(cell.report.findings),
        lacks_source=cell.report.lacks_source,
    )
