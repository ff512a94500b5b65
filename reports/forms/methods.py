"""A paragraph on methods for a paper: what was run, with every version and digest.

Sentences say only what the report knows.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from reports.counts import StateCounts
from reports.forms.plain import md, table
from reports.forms.texcode import comment, tex
from reports.model import FleetReport
from reports.parts import ToolUse

_NAMES = 12


def sentences(report: FleetReport, assay: str) -> tuple[str, ...]:
    """The paragraph, in plain text.

    Args:
        report: what was found.
        assay: name and version of the program that wrote it.
    """
    parts = (_fleet(report, assay), _spec(report), _data(report), _controls(report), _void(report))
    methods = report.study.methods if report.study else ()
    return tuple(sentence for part in (*parts, iter(methods)) for sentence in part if sentence)


def methods_markdown(report: FleetReport, assay: str) -> str:
    """The paragraph, and a table of all tools with whole digests."""
    rows = [
        (
            md(f"{use.analyzer}/{use.tool}"),
            md(use.version or "unknown"),
            md(use.rules_digest or "none"),
            str(use.cells.measured),
        )
        for use in report.tools
    ]
    text = " ".join(md(sentence, 2_000) for sentence in sentences(report, assay))
    heads = ("Tool", "Version", "SHA-256 of rules and configuration", "Apps measured")
    return "\n".join(("# Methods", "", text, "", *table(heads, rows), ""))


def methods_tex(report: FleetReport, assay: str) -> str:
    """The paragraph in LaTeX; the table of tools is `tools.tex`."""
    text = "\n".join(tex(sentence, 2_000) for sentence in sentences(report, assay))
    origin = comment(f"made by Assay from pipeline {report.pipeline.id}")
    return f"{origin}\n{text}\nTable~\\ref{{tab:assay-tools}} lists all tools.\n"


def _fleet(report: FleetReport, assay: str) -> Iterator[str]:
    models = list(dict.fromkeys(app.ref.model for app in report.apps))
    templates = sorted({app.template for app in report.apps if app.template})
    on = f" on {_listed(templates, 'template')}" if templates else ""
    yield (
        f"We analysed {_counted(len(report.apps), 'web app')} by {_listed(models, 'model')}{on} "
        f"with {assay} (pipeline {report.pipeline.id}{_when(report)})."
    )
    tools = [_told(use) for use in report.tools if use.cells.measured]
    if tools:
        yield f"These tools measured at least one app: {'; '.join(tools)}."
    digest = _digest(sorted(app.source_digest for app in report.apps))
    yield f"The SHA-256 of the apps' sorted source digests is {digest}."


def _spec(report: FleetReport) -> Iterator[str]:
    spec = report.pipeline.spec
    yield f"The SHA-256 of the specification (JSON with sorted keys) is {_digest(spec)}."
    at_once, egress = spec.get("parallelism"), spec.get("egress")
    if at_once:
        yield f"At most {_counted(int(at_once), 'app')} ran at once."
    if egress:
        reach = "could not reach" if egress == "deny" else "could reach"
        yield f"Running apps {reach} the outside."


def _data(report: FleetReport) -> Iterator[str]:
    cells, apps = report.totals.cells, report.totals.apps
    yield (
        f"Of {_counted(cells.total - cells.not_applicable, 'measurement')} (one per app and tool, "
        f"where the tool applies), {cells.measured} stand; {_lost(cells)}."
    )
    yield (
        f"Apps measured: {apps.measured}; failed by themselves: {apps.app_failed}; not "
        f"measured in full because of the platform: {apps.infra_failed}."
    )
    yield (
        "What was not measured is missing data: it is never counted as zero, nor as passed, and "
        "shares are given with the bounds that it leaves open."
    )


def _lost(cells: StateCounts) -> str:
    return (
        f"{cells.app_failed} are failures of the app, and {cells.infra_failed} are missing because "
        "of the platform"
    )


def _controls(report: FleetReport) -> Iterator[str]:
    scores = [score for score in report.controls.fused if score.recall is not None]
    if not scores:
        yield f"No control apps ran: {report.controls.why_none or 'the specification has none'}."
        return
    for score in scores:
        name = score.analyzer or "all analyzers together"
        alarms = "unknown" if score.false_alarms is None else str(score.false_alarms)
        yield (
            f"On control apps with known weaknesses, {name} found {score.found} of {score.labels}; "
            f"false alarms on {_counted(score.clean, 'control')} without weaknesses: {alarms}."
        )


def _void(report: FleetReport) -> Iterator[str]:
    for name, reason in report.void.items():
        yield f"{name} counts as not measured on every app: {reason}."


def _told(use: ToolUse) -> str:
    rules = f", rules {use.rules_digest[:_NAMES]}" if use.rules_digest else ""
    return f"{use.tool} {use.version or 'of unknown version'}{rules}"


def _when(report: FleetReport) -> str:
    begun, ended = report.pipeline.created_at, report.pipeline.finished_at
    if not begun:
        return ""
    if not ended:
        return f", begun on {begun:%Y-%m-%d}, not finished"
    return f", {begun:%Y-%m-%d} to {ended:%Y-%m-%d}"


def _listed(names: Sequence[str], noun: str) -> str:
    few = f" ({', '.join(names)})" if len(names) <= _NAMES else ""
    return f"{_counted(len(names), noun)}{few}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
