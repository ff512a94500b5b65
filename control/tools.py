"""The tools of a pipeline: what they looked with, what they can see, and where they were blind."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from contract.overview import LostCells, ToolCells, ToolsOverview
from control.stored import Stored
from control.tool_documents import LostLooks, PipelineTools, ToolOfPipeline, VersionUse
from control.void_tools import ToolKey, control_scores
from control.written import FleetFigures, Written, written_of
from reports.control_results import ControlsReport, ToolScore
from reports.counts import StateCounts
from reports.parts import MissingGroup
from store.results import SqlResultStore

_REASONS = 5
_NO_CONTROLS = "it has no control apps"
_NONE_YET = "no control app has ended yet"
_INFRA_FAILED = MeasurementState.INFRA_FAILED
_Lost = Mapping[ToolKey, Sequence[LostLooks]]


async def tools_of(stored: Stored, data_dir: Path, pipeline_id: str) -> PipelineTools:
    """Its tools: from its written report, or, while that does not speak for it, from the store.

    Raises:
        NotStoredError: neither the store nor any report knows the pipeline.
        PlatformError: the store cannot be read.
    """
    written = await written_of(stored, data_dir, pipeline_id)
    if written.fresh:
        return _of_report(written, written.fresh, await _lost(stored, written))

    at = datetime.now(UTC)

    async def recorded(store: SqlResultStore) -> tuple[ToolsOverview, ControlsReport]:
        overview = await store.overview(pipeline_id)
        scores = await control_scores(store, pipeline_id, overview)
        known = scores.result() if scores else ControlsReport(why_none=_NO_CONTROLS)
        return await store.tools_overview(pipeline_id), known

    overview, controls = await stored.answered(pipeline_id, recorded, lags=True)
    return _of_store(written, overview, controls).model_copy(update={"as_of": at})


async def _lost(stored: Stored, written: Written) -> _Lost:
    """Why cells are lost: of all cells if the store has them, else of those that a report names."""
    if not written.state:
        return _lost_of_report(written.figures.missing if written.figures else ())
    id_ = written.pipeline_id
    return _lost_of_store(
        await stored.answered(id_, lambda store: store.lost_cells(id_), lags=True)
    )


def _of_report(written: Written, figures: FleetFigures, lost: _Lost) -> PipelineTools:
    versions: defaultdict[ToolKey, list[VersionUse]] = defaultdict(list)
    for use in figures.tools:
        same = use.model_dump(include=set(VersionUse.model_fields) - {"contended", "cells"})
        versions[use.analyzer, use.tool].append(
            VersionUse(**same, cells=use.cells, contended=len(use.contended))
        )
    tools = _tools(versions, figures.controls, lost)
    return _answer(
        written, tools, figures.controls, told_by="report", left_out=figures.missing_left_out
    )


def _of_store(written: Written, overview: ToolsOverview, controls: ControlsReport) -> PipelineTools:
    void = {(column.analyzer, column.tool) for column in controls.void}
    found: defaultdict[ToolKey, dict[str, list[ToolCells]]] = defaultdict(dict)
    for row in overview.used:
        if row.tool != ALL_TOOLS:
            found[row.analyzer, row.tool].setdefault(row.version, []).append(row)
    versions = {
        key: [
            _version(version, rows, overview.rules, is_void=key in void)
            for version, rows in its.items()
        ]
        for key, its in found.items()
    }
    tools = _tools(versions, controls, _lost_of_store(overview.lost))
    return _answer(written, tools, controls, told_by="store")


def _answer(
    written: Written,
    tools: tuple[ToolOfPipeline, ...],
    controls: ControlsReport,
    *,
    told_by: str,
    left_out: int = 0,
) -> PipelineTools:
    none = controls.why_none or ("" if controls.controls else _NONE_YET)
    report = written.fresh
    return PipelineTools.model_validate(
        {
            "pipeline_id": written.pipeline_id,
            "told_by": told_by,
            "as_of": report.generated_at if report else None,
            "stale": "" if report else written.stale,
            "ended": written.ended,
            "tools": tools,
            "together": controls.fused,
            "why_no_controls": none,
            "lost_left_out": left_out,
        }
    )


def _tools(
    versions: Mapping[ToolKey, Sequence[VersionUse]],
    controls: ControlsReport,
    lost: _Lost,
) -> tuple[ToolOfPipeline, ...]:
    """By analyzer and name; also tools that only control apps or lost cells tell of."""
    scores = {_key(score): score for score in controls.tools if score.analyzer is not None}
    void = {(column.analyzer, column.tool): column.reason for column in controls.void}
    keys = {*versions, *scores, *lost}
    order = list(AnalyzerKind)
    return tuple(
        ToolOfPipeline(
            analyzer=key[0],
            tool=key[1],
            versions=tuple(versions.get(key, ())),
            cells=_summed(use.cells for use in versions.get(key, ())),
            duration_s=round(sum(use.duration_s for use in versions.get(key, ())), 3),
            score=scores.get(key),
            void=void.get(key, ""),
            lost=tuple(lost.get(key, ()))[:_REASONS],
        )
        for key in sorted(keys, key=lambda key: (order.index(key[0]), key[1]))
    )


def _key(score: ToolScore) -> ToolKey:
    assert score.analyzer is not None  # noqa: S101 (of one tool)
    return score.analyzer, score.tool


def _version(
    version: str, rows: Iterable[ToolCells], rules: Mapping[str, str], *, is_void: bool
) -> VersionUse:
    rows = list(rows)
    states = Counter[str]()
    for row in rows:
        lost = is_void and row.state is MeasurementState.MEASURED
        states[(_INFRA_FAILED if lost else row.state).value] += row.cells
    first = rows[0]
    return VersionUse(
        version=version,
        rules_digest=rules.get(f"{first.analyzer}/{first.tool} {version}", ""),
        cells=StateCounts(**states),
        cached=sum(row.cached for row in rows),
        duration_s=round(sum(row.tool_seconds for row in rows), 3),
        saved_s=round(sum(row.saved_seconds for row in rows), 3),
    )


def _summed(counts: Iterable[StateCounts]) -> StateCounts:
    total = Counter[str]()
    for one in counts:
        total.update(one.model_dump())
    return StateCounts(**total)


def _lost_of_store(rows: Iterable[LostCells]) -> _Lost:
    lost: defaultdict[ToolKey, list[LostLooks]] = defaultdict(list)
    for row in rows:
        lost[row.analyzer, row.tool].append(LostLooks(reason=row.reason, cells=row.cells))
    return lost


def _lost_of_report(groups: Iterable[MissingGroup]) -> _Lost:
    lost: defaultdict[ToolKey, list[LostLooks]] = defaultdict(list)
    for group in groups:
        if group.state is not _INFRA_FAILED:
            continue
        whole = group.count == len(group.cells)
        named = Counter(tuple(cell.rsplit("/", 2)[1:]) for cell in group.cells)
        for (kind, tool), cells in named.items():
            look = LostLooks(reason=group.reason, cells=cells if whole else None)
            lost[AnalyzerKind(kind), tool].append(look)
    return lost
