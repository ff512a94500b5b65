"""From the report of an app to its summary. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from contract.analysis import Category, Severity
from contract.analyzers import AnalyzerKind
from contract.weakness import BaselineState, Origin, Weakness
from reports.effort import lacks
from reports.facts import FleetFacts
from reports.functional import functional
from reports.measures import agreement, cost_usd, kloc, scores_by_name, span
from reports.model import AppReport, CellReport
from reports.names import app_stem
from reports.rates import is_sure, judged
from reports.speed import load_of
from reports.summary import AnalyzerSummary, AppSummary, WeaknessCount
from reports.tally import count_states


def summary_of(app: AppReport, facts: FleetFacts) -> AppSummary:
    """One app in a few hundred bytes.

    Args:
        app: the app.
        facts: of the pipeline that it is part of.
    """
    runs, clean = judged(app.cells, app.weaknesses, app.facts, facts.required)
    template = facts.outline.templates.get(app.template or "")
    asked = frozenset(facts.columns)
    works = functional(template, runs, app.cells, app.requirements, asked)
    worked = span(app.cells)
    return AppSummary(
        ref=app.ref,
        name=app_stem(app.ref),
        role=app.role,
        template=app.template,
        source_digest=app.source_digest,
        state=app.state,
        reason=app.reason,
        cells=app.states,
        analyzers=_by_analyzer(app.cells),
        lacking=any(map(lacks, app.cells)),
        findings=app.findings,
        weaknesses=_in_groups(app.weaknesses),
        gone=_in_groups(app.gone),
        runs=runs.verdict,
        functional=works.verdict,
        secure=clean.verdict,
        known_failing=works.fails,
        known_broken=runs.fails,
        known_insecure=clean.fails,
        started=clean.started,
        kloc=kloc(app.cells),
        load=load_of(app.cells, facts.load_tools),
        requirements=dict(Counter(item.verdict for item in app.requirements)),
        scores=scores_by_name(app.scores),
        agreement=agreement(app),
        cost_usd=cost_usd(app.cells),
        started_at=worked[0] if worked else None,
        finished_at=worked[1] if worked else None,
        duration_s=round((worked[1] - worked[0]).total_seconds(), 3) if worked else None,
        tool_seconds=round(sum(cell.record.tool_seconds for cell in app.cells), 3),
    )


def _by_analyzer(cells: Sequence[CellReport]) -> dict[AnalyzerKind, AnalyzerSummary]:
    groups: dict[AnalyzerKind, list[CellReport]] = {}
    for cell in cells:
        groups.setdefault(cell.analyzer, []).append(cell)
    return {kind: _of_analyzer(mine) for kind, mine in groups.items()}


def _of_analyzer(cells: Sequence[CellReport]) -> AnalyzerSummary:
    known = [cell.finding_count for cell in cells if cell.finding_count is not None]
    return AnalyzerSummary(
        cells=count_states(cell.state for cell in cells), findings=sum(known) if known else None
    )


def _in_groups(weaknesses: Iterable[Weakness]) -> tuple[WeaknessCount, ...]:
    counts = Counter(
        (
            found.finding.category,
            found.finding.severity,
            found.finding.cwe[0] if found.finding.cwe else None,
            found.family,
            found.origin,
            found.baseline,
            is_sure(found.finding),
            found.suppression is not None,
        )
        for found in weaknesses
    )
    return tuple(_alike(*kind, count) for kind, count in counts.items())


@lru_cache(maxsize=50_000)
def _alike(
    category: Category,
    severity: Severity,
    cwe: int | None,
    family: str,
    origin: Origin,
    baseline: BaselineState | None,
    sure: bool,
    suppressed: bool,
    count: int,
) -> WeaknessCount:
    """A group of weaknesses; apps with equal groups share the value, since there may be many."""
    return WeaknessCount(
        category=category,
        severity=severity,
        cwe=cwe,
        family=family,
        origin=origin,
        baseline=baseline,
        sure=sure,
        suppressed=suppressed,
        count=count,
    )
