"""From a record to a report: pure, the same record gives the same report."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from contract import left_out
from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.left_out import LeftOut
from contract.record import AppRecord, PipelineRecord, by_app
from contract.spec import AppRef
from reports.effort import effort_of, tools_used
from reports.figures import load_figures
from reports.judged import compliance, requirements, scores
from reports.known import weaknesses_of
from reports.matrix import full_matrix, not_run_reason
from reports.model import (
    AppReport,
    CellReport,
    FindingTally,
    FleetReport,
    MissingGroup,
    ModelReport,
    PipelineFacts,
    Totals,
)
from reports.rates import CellsOf, Requirement, rates, requirement_of
from reports.speed import load_by_tool, load_tools
from reports.tally import count_states, tally
from reports.together import together
from reports.verdict import verdict

_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}
FusedBy = Mapping[tuple[AppRef, AnalyzerKind], tuple[Finding, ...]]


def build_fleet_report(record: PipelineRecord, generated_at: datetime) -> FleetReport:
    """Everything a reader may ask of one pipeline, counted once, here.

    Args:
        record: what the store holds, finished or not.
        generated_at: moment the report is made, timezone-aware.
    """
    cells = full_matrix(record)
    cells_of = by_app(cells)
    fused = {(item.ref, item.analyzer): item.findings for item in record.fused}
    apps = tuple(_app(record, app, cells_of, fused) for app in _apps(record, cells_of))
    required = requirement_of(cells, running=record.state == "running")
    totals = _totals(apps, cells_of, fused, required)
    return FleetReport(
        generated_at=generated_at,
        verdict=verdict(record.state, totals, cells),
        pipeline=_pipeline(record),
        totals=totals,
        effort=effort_of(record),
        models=tuple(_models(apps, cells_of, fused, required)),
        apps=apps,
        cells=cells,
        matrix={
            ref.label: {cell.name: cell.state for cell in group} for ref, group in cells_of.items()
        },
        missing=tuple(_missing(cells, {app.ref: app.facts.notes for app in apps})),
        tools=tools_used(cells),
    )


def _pipeline(record: PipelineRecord) -> PipelineFacts:
    return PipelineFacts(
        id=record.pipeline_id,
        state=record.state,
        created_at=record.created_at,
        finished_at=record.finished_at,
        spec=record.spec,
        detail=record.detail,
    )


def _apps(record: PipelineRecord, cells_of: CellsOf) -> list[AppRecord]:
    known = {app.ref: app for app in record.apps}
    with_cells = [known.get(ref) or AppRecord(ref=ref) for ref in cells_of]
    return with_cells + [app for ref, app in known.items() if ref not in cells_of]


def _app(record: PipelineRecord, app: AppRecord, cells_of: CellsOf, fused: FusedBy) -> AppReport:
    cells = cells_of.get(app.ref, ())
    state, reason = app.state, app.reason
    if state is None:
        reason = not_run_reason(record)
        state = None if record.state == "running" else MeasurementState.INFRA_FAILED
    verdicts = requirements(cells)
    found = sorted(together(_weaknesses(cells, fused), cells), key=_gravest_first)
    return AppReport(
        ref=app.ref,
        role=app.role,
        template=app.template,
        source_digest=app.source.digest,
        main_file=app.source.main_file,
        state=state,
        reason=reason,
        cells=count_states(cell.state for cell in cells),
        findings=_tallies(cells, found, fused),
        weaknesses=tuple(weaknesses_of(app.ref, found)),
        syntax_errors=tuple(finding for finding in found if _is_syntax_error(finding)),
        load=load_figures(cells),
        scores=scores(cells),
        requirements=verdicts,
        rates=compliance(verdicts),
        facts=app.facts,
    )


def _models(
    apps: Sequence[AppReport], cells_of: CellsOf, fused: FusedBy, required: Requirement
) -> Iterable[ModelReport]:
    by_model: defaultdict[str, list[AppReport]] = defaultdict(list)
    for app in apps:
        by_model[app.ref.model].append(app)
    tools = load_tools(cell for group in cells_of.values() for cell in group)
    for model, mine in by_model.items():
        groups = [cells_of.get(app.ref, ()) for app in mine]
        yield ModelReport(
            model=model,
            totals=_totals(mine, cells_of, fused, required),
            load=load_by_tool(groups, tools),
        )


def _totals(
    apps: Sequence[AppReport], cells_of: CellsOf, fused: FusedBy, required: Requirement
) -> Totals:
    cells = [cell for app in apps for cell in cells_of.get(app.ref, ())]
    found = [weakness.finding for app in apps for weakness in app.weaknesses]
    return Totals(
        apps=count_states(app.state for app in apps),
        unfinished=sum(app.state is None for app in apps),
        cells=count_states(cell.state for cell in cells),
        findings=_tallies(cells, found, fused),
        rates=rates(apps, cells_of, required),
    )


def _tallies(
    cells: Sequence[CellReport], findings: Sequence[Finding], fused: FusedBy
) -> tuple[FindingTally, ...]:
    unlisted = tuple(_unlisted(cells, fused))
    tallies = [tally(category, cells, findings, fused, unlisted) for category in Category]
    return tuple(found for found in tallies if found is not None)


def _weaknesses(cells: Iterable[CellReport], fused: FusedBy) -> Iterable[Finding]:
    """Fused findings; those of the tools for each analyzer and category that was not fused."""
    seen: set[tuple[AppRef, AnalyzerKind]] = set()
    for cell in cells:
        key = (cell.ref, cell.analyzer)
        of_fusion = fused.get(key, ())
        if key not in seen:
            seen.add(key)
            yield from of_fusion
        categories = _categories(cell, fused)
        yield from (found for found in cell.report.findings if found.category not in categories)


def _categories(cell: CellReport, fused: FusedBy) -> frozenset[Category]:
    """What a cell's analyzer fused, whether or not anything came of it: advice is no weakness."""
    of_fusion = fused.get((cell.ref, cell.analyzer))
    if of_fusion is None:
        return frozenset()
    found = frozenset(finding.category for finding in of_fusion)
    return found | cell.analyzer.row.fuses


def _unlisted(cells: Iterable[CellReport], fused: FusedBy) -> Iterable[LeftOut]:
    """What belongs to the weaknesses, and was cut from the lists that they come from."""
    for cell in cells:
        categories = _categories(cell, fused)
        of_tool = left_out.read(cell.report.data, left_out.TOOLS_KEY)
        yield from (row for row in of_tool if row.category not in categories)
        yield from left_out.read(cell.report.data, left_out.FUSED_KEY)


def _gravest_first(finding: Finding) -> tuple[int, str, str, int]:
    place = finding.location
    where = place.path or place.url or ""
    return _SEVERITY_RANK[finding.severity], finding.rule_id, where, place.line or 0


def _is_syntax_error(finding: Finding) -> bool:
    """Whether a finding says that a file is no source in its own language."""
    rule = finding.rule_id.lower().replace("_", "-").replace(" ", "-")
    return finding.category is Category.QUALITY and rule.endswith("syntax-error")


def _missing(
    cells: Iterable[CellReport], notes: Mapping[AppRef, tuple[str, ...]]
) -> Iterable[MissingGroup]:
    """What was not measured, by state and reason, the largest group first."""
    groups: defaultdict[tuple[MeasurementState, str], list[CellReport]] = defaultdict(list)
    for cell in cells:
        if cell.state is not MeasurementState.MEASURED:
            groups[cell.state, cell.report.reason].append(cell)
    order = list(MeasurementState)
    for (state, reason), mine in sorted(
        groups.items(), key=lambda group: (order.index(group[0][0]), -len(group[1]), group[0][1])
    ):
        failed = mine if state is MeasurementState.APP_FAILED else []
        lines = (note for cell in failed for note in notes.get(cell.ref, ()))
        yield MissingGroup(
            state=state,
            reason=reason,
            cells=tuple(f"{c.ref.label}/{c.name}" for c in mine),
            notes=tuple(dict.fromkeys(lines)),
        )
