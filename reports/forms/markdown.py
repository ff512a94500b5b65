"""The summary of a pipeline for a CI job, in Markdown: below the 1 MiB that GitHub takes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from contract.analysis import Category, Severity
from contract.weakness import BaselineState, Origin
from reports.counts import FindingTally
from reports.forms.figures import UNKNOWN, shown, tied, unit_of
from reports.forms.plain import md, table
from reports.model import FleetReport
from reports.study.model import Study
from reports.summary import AppSummary

_ROWS = 50
_REASONS = 15
_FAMILIES = 10
_MEASURES = ("runs", "functional", "secure", "functional_and_secure", "grave_findings")


def markdown(report: FleetReport) -> str:
    """The summary. Figures that are not known say so; lists that are cut say by how much."""
    parts = [
        [f"# Assay: pipeline {md(report.pipeline.id)} ({md(report.pipeline.state)})"],
        [md(report.verdict, 1_000)],
        [*_models(report)],
        [*_severities(report)],
        [*_families(report)],
        [*_baseline(report)],
        [*_decisions(report)],
        [*_controls(report)],
        [*_missing(report)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _models(report: FleetReport) -> Iterator[str]:
    study = report.study
    if not study or not study.models:
        return
    measures = [found for name in _MEASURES if (found := study.measure(name))]
    heads = [f"{md(one.label)}{f' ({unit_of(one)})' * bool(unit_of(one))}" for one in measures]
    rows = [
        (
            md(group.model or "all"),
            f"{group.apps:,}",
            *(shown(one, group.figures.get(one.name)) for one in measures),
        )
        for group in study.models[:_ROWS]
    ]
    yield from ("## Models", "", *table(("Model", "Apps", *heads), rows))
    yield from _more(len(study.models), _ROWS, "models")
    yield ""
    yield (
        "In brackets: 95 % interval. In parentheses: apps that should be in the figure and were "
        f"not measured. {UNKNOWN}: not known, which is not zero."
    )
    yield from _orders(study)


def _orders(study: Study) -> Iterator[str]:
    """Tied sets, for the measures above."""
    orders = [order for order in study.orderings if order.measure in _MEASURES]
    if orders:
        yield from ("", "Sets of models that are not shown to differ, the best first:", "")
    for order in orders:
        measure = study.measure(order.measure)
        label = measure.label if measure else order.measure
        yield f"- {md(label)}: {md(tied(order.groups) or f'no order: {order.reason}', 1_000)}"


def _severities(report: FleetReport) -> Iterator[str]:
    """Weaknesses that count; those that are suppressed or the scaffold's stand apart."""
    models = report.models
    tallies = [(one.model, _security(one.totals.findings)) for one in models[:_ROWS]]
    if not any(tally for _, tally in tallies):
        return
    aside = _aside(report.apps)
    levels = (severity.value.capitalize() for severity in Severity)
    heads = ("Model", *levels, "Suppressed or the scaffold's", "Looks that stand")
    rows = [(md(model), *_row(tally, aside[model])) for model, tally in tallies]
    yield from ("## Security findings", "", *table(heads, rows))
    yield from _more(len(models), _ROWS, "models")


def _aside(apps: Iterable[AppSummary]) -> defaultdict[str, Counter[Severity]]:
    """Weaknesses of each model that do not count against it."""
    found: defaultdict[str, Counter[Severity]] = defaultdict(Counter)
    for app in apps:
        for group in app.weaknesses:
            apart = group.suppressed or group.origin is Origin.SCAFFOLD
            if apart and group.category is Category.SECURITY:
                found[app.ref.model][group.severity] += group.count
    return found


def _security(tallies: Sequence[FindingTally]) -> FindingTally | None:
    return next((tally for tally in tallies if tally.category is Category.SECURITY), None)


def _row(tally: FindingTally | None, aside: Counter[Severity]) -> Iterator[str]:
    known = tally.by_severity if tally else None
    for severity in Severity:
        yield UNKNOWN if known is None else f"{known.get(severity, 0) - aside[severity]:,}"
    yield UNKNOWN if known is None else f"{aside.total():,}"
    cells = tally.cells if tally else None
    yield f"{cells.measured:,} of {cells.total - cells.not_applicable:,}" if cells else UNKNOWN


def _families(report: FleetReport) -> Iterator[str]:
    """The flaws that the most apps share."""
    if not report.families.families:
        return
    rows = [
        (
            md(f"{family.severity} {family.family}: {family.message or family.rule}"),
            f"{family.apps_total:,}",
            f"{len(family.models):,}",
            f"{family.count:,}",
        )
        for family in report.families.families[:_FAMILIES]
    ]
    heads = ("Flaw", "Apps that share it", "Models", "Weaknesses")
    yield from ("## Shared flaws", "", *table(heads, rows))
    yield from _more(report.families.shared, _FAMILIES, "shared flaws")


def _baseline(report: FleetReport) -> Iterator[str]:
    baseline = report.baseline
    if not baseline:
        return
    yield from (f"## Against {md(baseline.pipeline_id)}", "")
    if baseline.problem:
        yield f"Not compared: {md(baseline.problem)}"
        return
    states = list(BaselineState)
    counts = {
        (row.severity, row.state): row.count
        for row in baseline.counts
        if row.category is Category.SECURITY
    }
    rows = [
        (severity.value, *(f"{counts.get((severity, state), 0):,}" for state in states))
        for severity in Severity
    ]
    yield from table(("Security findings", *(state.value for state in states)), rows)
    for reason in baseline.reasons[:_REASONS]:
        yield f"\n- unknown ({reason.count:,}): {md(reason.reason)}"


def _decisions(report: FleetReport) -> Iterator[str]:
    if not report.suppressions:
        return
    heads = ("Decision", "Who", "Why", "Until", "State", "Weaknesses")
    rows = [
        (
            md(use.suppression.subject),
            md(use.suppression.who),
            md(use.suppression.why),
            use.suppression.until.isoformat() if use.suppression.until else "no end",
            use.state,
            f"{use.weaknesses:,}",
        )
        for use in report.suppressions[:_ROWS]
    ]
    yield from ("## Suppressed", "", *table(heads, rows))
    yield from _more(len(report.suppressions), _ROWS, "decisions")


def _controls(report: FleetReport) -> Iterator[str]:
    controls = report.controls
    scores = [*controls.fused, *controls.tools]
    if scores:
        heads = ("Tool", "Recall on control apps (%)", "Found", "False alarms")
        rows = [
            (
                md(score.label),
                UNKNOWN if score.recall is None else f"{100 * score.recall:.0f}",
                f"{score.found:,} of {score.labels:,}",
                UNKNOWN if score.false_alarms is None else f"{score.false_alarms:,}",
            )
            for score in scores[:_ROWS]
        ]
        yield from ("## Control apps", "", *table(heads, rows), "")
    for name, reason in report.void.items():
        yield f"- **{md(name)} counts as not measured on every app**: {md(reason)}"


def _missing(report: FleetReport) -> Iterator[str]:
    if not report.missing:
        return
    rows = [
        (md(group.reason or "no reason is known"), group.state.value, f"{group.count:,}")
        for group in report.missing[:_REASONS]
    ]
    yield from ("## Not measured", "", *table(("Reason", "State", "Cells"), rows))
    rest = sum(group.count for group in report.missing[_REASONS:]) + report.missing_left_out
    if rest:
        yield f"\nand {rest:,} more cells for other reasons"


def _more(count: int, shown_rows: int, what: str) -> Iterator[str]:
    if count > shown_rows:
        yield f"\nand {count - shown_rows:,} more {what}"
