"""The models of a pipeline side by side: from its written report, or of what is recorded so far."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from contract.analysis import MeasurementState, Severity
from contract.analyzers import Category
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from contract.overview import AppsCount, CellsLooked, LooksOverview, PipelineOverview
from contract.role import AppRole
from control.errors import WrongInputError
from control.looks import looks_of
from control.model_documents import ModelSoFar, PipelineModels, StudyRows
from control.stored import Stored
from control.void_tools import ToolKey, void_tools
from control.written import FleetFigures, Written, written_of
from reports.counts import StateCounts
from store.results import SqlResultStore

Part = Literal["comparisons", "templates", "cells"]
PARTS: tuple[Part, ...] = ("comparisons", "templates", "cells")
_MEASURED, _INFRA_FAILED = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED
_Recorded = tuple[PipelineOverview, Mapping[ToolKey, str], LooksOverview]


async def models_of(stored: Stored, data_dir: Path, pipeline_id: str) -> PipelineModels:
    """Its models: of its written report, or, while that does not speak for it, of the store.

    Raises:
        NotStoredError: neither the store nor any report knows the pipeline.
        PlatformError: the store cannot be read.
    """
    return await models_told(stored, await written_of(stored, data_dir, pipeline_id))


async def models_told(stored: Stored, written: Written) -> PipelineModels:
    """As `models_of`, where it is known what is written.

    Raises:
        PlatformError: the store cannot be read.
    """
    if written.fresh:
        return _of_report(written, written.fresh)
    id_ = written.pipeline_id

    async def recorded(store: SqlResultStore) -> _Recorded:
        overview = await store.overview(id_)
        void = await void_tools(store, id_, overview)
        return overview, void, await store.looks_overview(id_)

    at = datetime.now(UTC)
    overview, void, models = await stored.answered(id_, recorded, lags=True)
    return PipelineModels(
        pipeline_id=id_,
        told_by="store",
        as_of=at,
        stale=written.stale,
        problem=written.problem,
        problem_next_step=written.problem_next_step,
        ended=written.ended,
        so_far=so_far(overview, models, void),
    )


async def study_rows(
    stored: Stored, data_dir: Path, pipeline_id: str, part: Part, after: int, limit: int
) -> StudyRows:
    """Rows of one part of the study.

    Args:
        stored: the store.
        data_dir: with the reports.
        pipeline_id: of which pipeline.
        part: one of `PARTS`.
        after: place of the row before the first one; 0: the beginning.
        limit: how many.

    Raises:
        NotStoredError: neither the store nor any report knows the pipeline.
        PlatformError: FAILED_PRECONDITION: no report speaks for it now.
    """
    written = await written_of(stored, data_dir, pipeline_id)
    if written.fresh is None:
        why = written.stale or written.problem or "there is no report"
        raise PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"nothing is studied of pipeline {pipeline_id}: {why}",
            next_step="write the report, and ask again",
        )
    every: Sequence[Frozen] = getattr(written.fresh.study, part)
    if not 0 <= after <= len(every):
        raise WrongInputError(f"no row {after}", next_step="begin with the first page again")
    rows = every[after : after + limit]
    end = after + len(rows)
    return StudyRows(
        of=written.fresh.generated_at,
        rows=tuple(row.model_dump(mode="json") for row in rows),
        total=len(every),
        after=end if end < len(every) else None,
    )


def _of_report(written: Written, figures: FleetFigures) -> PipelineModels:
    none: dict[str, tuple[()]] = dict.fromkeys(PARTS, ())
    return PipelineModels(
        pipeline_id=written.pipeline_id,
        told_by="report",
        as_of=figures.generated_at,
        ended=written.ended,
        verdict=figures.verdict,
        totals=figures.totals,
        models=figures.models,
        study=figures.study.model_copy(update=none),
        apart={part: len(getattr(figures.study, part)) for part in PARTS},
    )


def so_far(
    overview: PipelineOverview, recorded: LooksOverview, void: Mapping[ToolKey, str]
) -> tuple[ModelSoFar, ...]:
    """Each model with what is recorded of it until now, in the order of names.

    Args:
        overview: the pipeline in counts.
        recorded: where its tools looked.
        void: tools that are not to be believed, with the reason.
    """
    apps: defaultdict[str, list[AppsCount]] = defaultdict(list)
    for count in overview.apps:
        if count.role is AppRole.SUBJECT:
            apps[count.model].append(count)
    return tuple(_one(name, apps[name], recorded, void) for name in sorted(apps))


def _one(
    model: str,
    apps: Sequence[AppsCount],
    recorded: LooksOverview,
    void: Mapping[ToolKey, str],
) -> ModelSoFar:
    ended = Counter[str]()
    for count in apps:
        if count.state is not None:
            ended[count.state.value] += count.apps
    unfinished = sum(count.apps for count in apps if count.state is None)
    every = looks_of(recorded, void, models=(model,))
    looking = {key: its for key, its in every.items() if Category.SECURITY in its.looks_for}
    security_cells = Counter[MeasurementState]()
    for looks in looking.values():
        security_cells.update(looks.states)
    mine = [one for one in recorded.cells if (one.model, one.role) == (model, AppRole.SUBJECT)]
    unknown = _unknown(apps, mine, security_cells, looking.keys(), void)
    by_severity = Counter[Severity]()
    for count in apps:
        by_severity.update(count.security)
    lost = any(looks.lost or looks.not_begun for looks in looking.values())
    unlisted = sum(count.unlisted for count in apps)
    return ModelSoFar(
        model=model,
        apps=StateCounts(**ended),
        unfinished=unfinished,
        cells=_states(mine, void),
        security_cells=_counts(security_cells),
        security=None if unknown else by_severity.total(),
        by_severity=None if unknown else dict(by_severity),
        at_least=not unknown and bool(unfinished or unlisted or lost),
        security_unknown=unknown,
    )


def _states(cells: Iterable[CellsLooked], void: Mapping[ToolKey, str]) -> StateCounts:
    counts = Counter[MeasurementState]()
    for cell in cells:
        lost = cell.state is _MEASURED and (cell.analyzer, cell.tool) in void
        counts[_INFRA_FAILED if lost else cell.state] += cell.cells
    return _counts(counts)


def _counts(states: Mapping[MeasurementState, int]) -> StateCounts:
    return StateCounts(**{state.value: number for state, number in states.items()})


def _unknown(
    apps: Sequence[AppsCount],
    cells: Sequence[CellsLooked],
    security_cells: Counter[MeasurementState],
    looking: Collection[ToolKey],
    void: Mapping[ToolKey, str],
) -> str:
    """Why the number of weaknesses is not known; empty: it is, at least in part."""
    if not any(count.apps - count.unlisted for count in apps if count.state is not None):
        return "no app has ended, or none is listed yet"
    if not security_cells[_MEASURED]:
        return f"none of {security_cells.total():,} cells that look for them was measured"
    measured = {(c.analyzer, c.tool) for c in cells if c.state is _MEASURED}
    blind = sorted(f"{kind}/{tool}" for kind, tool in measured.intersection(looking, void))
    if blind:
        return f"what {', '.join(blind)} saw does not count; a report tells what is left"
    return ""
