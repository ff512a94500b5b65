"""Which tools of a recorded pipeline are not to be believed, as its control apps show now."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from activities.ports import ResultStore
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.overview import CellsCount, PipelineOverview
from contract.record import PipelineRecord, Revision
from contract.role import AppRole
from contract.spec import AppRef
from reports.build import app_reports
from reports.controls import ControlScores
from reports.facts import Overview
from reports.known import Known

ToolKey = tuple[AnalyzerKind, str]
# There are two control apps of each kind.
_MOST_NUMBERS = 9
_MOST_KNOWN = 100
# By store and pipeline; with the revision of the control apps' cells that it holds for. A store
# that stays open is asked again and again.
_KNOWN: WeakKeyDictionary[ResultStore, dict[str, tuple[Revision, ControlScores]]] = (
    WeakKeyDictionary()
)


async def void_tools(
    results: ResultStore, pipeline_id: str, overview: PipelineOverview
) -> Mapping[ToolKey, str]:
    """Tools that missed what they must see on a control app, with the reason."""
    scores = await control_scores(results, pipeline_id, overview)
    return scores.void() if scores else {}


async def control_scores(
    results: ResultStore, pipeline_id: str, overview: PipelineOverview
) -> ControlScores | None:
    """What its control apps say of the tools until now; None: it has no control apps."""
    models = {count.model for count in overview.apps if count.role is AppRole.CONTROL}
    if not models:
        return None
    revision = await results.revision_of_role(pipeline_id, AppRole.CONTROL)
    known = _KNOWN.setdefault(results, {})
    before = known.get(pipeline_id)
    if before is None or before[0] != revision:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        before = known[pipeline_id] = (revision, await _looked_up(results, pipeline_id, models))
    return before[1]


async def _looked_up(
    results: ResultStore, pipeline_id: str, models: Iterable[str]
) -> ControlScores:
    numbers = range(1, _MOST_NUMBERS + 1)
    refs = [AppRef(model=model, app_number=number) for model in models for number in numbers]
    record = await results.load_apps(pipeline_id, refs)
    return await asyncio.to_thread(_scores, record)


def believed(
    cells: Iterable[CellsCount],
    void: Mapping[ToolKey, str],
    of_controls: Iterable[CellsCount],
) -> Iterator[CellsCount]:
    """The cells with those of void tools as not measured.

    Args:
        cells: of all apps.
        void: the tools, with the reason.
        of_controls: those of `cells` that are of control apps: they stand, as they are the proof.
    """
    counts = Counter({_key(count): count.cells for count in cells})
    proof = {_key(count): count.cells for count in of_controls}
    for kind, tool in void:
        measured = (kind, tool, MeasurementState.MEASURED)
        lost = counts[measured] - proof.get(measured, 0)
        counts[measured] -= lost
        counts[kind, tool, MeasurementState.INFRA_FAILED] += lost
    for (analyzer, tool, state), number in counts.items():
        if number:
            yield CellsCount(analyzer=analyzer, tool=tool, state=state, cells=number)


def _key(count: CellsCount) -> tuple[AnalyzerKind, str, MeasurementState]:
    return count.analyzer, count.tool, count.state


def _scores(record: PipelineRecord) -> ControlScores:
    overview = Overview.of(record, datetime.now(UTC))
    facts = overview.facts()
    scores = ControlScores(record.spec, facts.columns)
    for report in app_reports(record, facts, Known()):
        scores.add(report)
    return scores
