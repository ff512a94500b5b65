"""From the record of an app to its report: pure, the same record gives the same report."""

from collections.abc import Iterable, Iterator, Sequence

from contract import left_out
from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.left_out import LeftOut
from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord, by_app
from reports.facts import FleetFacts
from reports.figures import load_figures
from reports.filling import not_run_reason
from reports.judged import compliance, requirements, scores
from reports.known import Known, weaknesses_of
from reports.matrix import cells_of
from reports.model import AppReport, CellReport
from reports.names import app_folder
from reports.parts import PipelineFacts
from reports.tally import count_states, tallies, told_apart
from reports.together import together
from reports.voiding import voided, why_void

_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_Fused = dict[AnalyzerKind, tuple[Finding, ...]]


def app_reports(record: PipelineRecord, facts: FleetFacts, known: Known) -> Iterator[AppReport]:
    """The report of each app of a batch, one after another.

    Args:
        record: some apps of the pipeline, with all their cells.
        facts: of the whole pipeline.
        known: what is known beside the records.
    """
    record = voided(record, facts.void)
    cells, fused = by_app(record.cells), by_app(record.fused)
    for app in record.apps:
        yield app_report(app, cells.get(app.ref, ()), fused.get(app.ref, ()), facts, known)


def app_report(
    app: AppRecord,
    recorded: Sequence[CellRecord],
    fusions: Iterable[FusedRecord],
    facts: FleetFacts,
    known: Known,
) -> AppReport:
    """All that is known of one app, counted once, here.

    Args:
        app: the app.
        recorded: its cells.
        fusions: its findings after fusion, of each analyzer that fused.
        facts: of the pipeline that it is part of.
        known: what is known beside the records.
    """
    cells = cells_of(app, recorded, facts)
    fused = {item.analyzer: item.findings for item in fusions}
    state, reason = _state(app, recorded, facts)
    verdicts = requirements(cells)
    found = sorted(together(_findings(cells, fused), cells), key=_gravest_first)
    weaknesses = tuple(weaknesses_of(app.ref, found, known, app.template))
    counted = tallies(cells, found, fused, tuple(_unlisted(cells, fused)))
    return AppReport(
        pipeline_id=facts.outline.pipeline_id,
        generated_at=facts.generated_at,
        ref=app.ref,
        role=app.role,
        template=app.template,
        source_digest=app.source.digest,
        folder=app_folder(app.ref, app.source.path),
        main_file=app.source.main_file,
        sheet=app.sheet,
        state=state,
        reason=reason,
        states=count_states(cell.state for cell in cells),
        findings=told_apart(counted, weaknesses),
        weaknesses=weaknesses,
        syntax_errors=tuple(finding for finding in found if _is_syntax_error(finding)),
        load=load_figures(cells),
        scores=scores(cells),
        requirements=verdicts,
        rates=compliance(verdicts),
        facts=app.facts,
        cells=cells,
    )


def _state(
    app: AppRecord, recorded: Iterable[CellRecord], facts: FleetFacts
) -> tuple[MeasurementState | None, str]:
    """How the app ended, and why it was not measured in full."""
    if app.state is None:
        state = None if facts.running else MeasurementState.INFRA_FAILED
        return state, not_run_reason(facts.outline)
    if app.state is MeasurementState.MEASURED and (why := why_void(recorded, facts.void)):
        return MeasurementState.INFRA_FAILED, why
    return app.state, app.reason


def pipeline_facts(record: PipelineRecord) -> PipelineFacts:
    """The pipeline itself."""
    return PipelineFacts(
        id=record.pipeline_id,
        state=record.state,
        created_at=record.created_at,
        finished_at=record.finished_at,
        spec=record.spec,
        detail=record.detail,
    )


def _findings(cells: Iterable[CellReport], fused: _Fused) -> Iterator[Finding]:
    """Fused findings; those of the tools for each analyzer and category that was not fused."""
    seen: set[AnalyzerKind] = set()
    for cell in cells:
        if cell.analyzer not in seen:
            seen.add(cell.analyzer)
            yield from fused.get(cell.analyzer, ())
        categories = _categories(cell, fused)
        yield from (found for found in cell.report.findings if found.category not in categories)


def _categories(cell: CellReport, fused: _Fused) -> frozenset[Category]:
    """What a cell's analyzer fused, whether or not anything came of it: advice is no weakness."""
    of_fusion = fused.get(cell.analyzer)
    if of_fusion is None:
        return frozenset()
    found = frozenset(finding.category for finding in of_fusion)
    return found | cell.analyzer.row.fuses


def _unlisted(cells: Iterable[CellReport], fused: _Fused) -> Iterator[LeftOut]:
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
