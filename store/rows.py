"""From the contract's values to rows: pure, one function per kind of row."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contract.analysis import AnalyzerReport, Finding, MeasurementState, Metric, ToolReport
from contract.cells import is_partial
from contract.outcome import AppFacts, AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader
from contract.role import AppRole
from contract.spec import AppSpec, PipelineSpec, PlannedApp
from store.columns import clean_json, clean_text

Row = dict[str, Any]

CELL_COLUMNS = frozenset({"tool", "version", "state", "reason"})
"""Fields of a `ToolReport` that are columns of its cell."""
CELL_TABLES = frozenset({"findings", "metrics"})
"""Fields of a `ToolReport` that are rows of their own. All others are in the body of its cell."""


@dataclass(frozen=True, slots=True)
class SubtaskRows:
    """Everything one subtask leaves; `findings` and `metrics` belong to the cell at that index."""

    subtask: Row
    cells: list[Row]
    findings: dict[int, list[Row]] = field(default_factory=dict)
    metrics: dict[int, list[Row]] = field(default_factory=dict)
    fused: list[Row] = field(default_factory=list)


def pipeline_row(header: PlanHeader, created_at: datetime) -> Row:
    """Row of a pipeline that starts now."""
    return {
        "pipeline_id": header.pipeline_id,
        "spec_digest": spec_digest_of(header.spec),
        "spec": header.spec.model_dump(mode="json"),
        "state": "running",
        "detail": {},
        "body": plan_body(header),
        "created_at": created_at,
        "started_by": clean_text(header.started_by),
        "finished_at": None,
    }


def plan_body(header: PlanHeader) -> Row:
    """What is kept of a plan and never queried, beside its spec and its apps."""
    plan = header.model_dump(mode="json", include={"total", "digest", "pages", "added"})
    return {**header.model_dump(mode="json", include={"templates"}), "plan": plan}


def spec_digest_of(spec: PipelineSpec) -> str:
    """Identity of a spec."""
    return _digest(spec.model_dump(mode="json"))


def app_row(app: AppSpec, ordinal: int) -> Row:
    """Row of an app that has not ended; `plan_digest` is the identity of what is to be analysed."""
    identity = app.model_dump(
        mode="json", include={"ref", "source", "template"}, exclude={"source": {"main_file"}}
    )
    template = app.template.slug if app.template else None
    planned = PlannedApp(
        ref=app.ref,
        source=app.source,
        template=template,
        role=app.role,
        analyzers=None if app.role is AppRole.SUBJECT else app.analyzers,
    )
    return {
        **target_of(app),
        "ordinal": ordinal,
        "plan_digest": _digest(identity),
        "state": None,
        "reason": "",
        **planned_columns(planned),
    }


def planned_columns(planned: PlannedApp) -> Row:
    """What a plan says of an app that has not ended: what is queried, and the body."""
    body = {"planned": planned.model_dump(mode="json"), "facts": AppFacts().model_dump(mode="json")}
    return {"role": planned.role.value, "template": planned.template, "body": body}


def ended_columns(body: Mapping[str, Any], outcome: AppOutcome) -> Row:
    """Columns of an app that has ended; `AppFacts.of_later_run` says what of `body` is replaced."""
    new = AppFacts.model_validate(clean_json(outcome.facts.model_dump(mode="json")))
    facts = AppFacts.model_validate(body["facts"]).of_later_run(new)
    return {
        "state": outcome.state.value,
        "reason": clean_text(outcome.reason),
        "body": {**body, "facts": facts.model_dump(mode="json")},
    }


def target_of(app: AppSpec) -> Row:
    """The three columns that name an app."""
    return {
        "pipeline_id": app.pipeline_id,
        "target_model": app.ref.model,
        "target_app_number": app.ref.app_number,
    }


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def subtask_rows(
    app: AppSpec, outcome: SubtaskOutcome, report: AnalyzerReport | None
) -> SubtaskRows:
    """All rows of one subtask. Without a report, the cells come from the outcome's summaries."""
    tools = reconcile(outcome.tools, report.tools if report else ())
    cells = [_cell(app, outcome, tool, len(tools)) for tool in tools]
    measured = frozenset(t.tool for t in tools if t.state is MeasurementState.MEASURED)
    fused = still_witnessed(report.fused if report else (), measured)
    return SubtaskRows(
        subtask=_subtask(app, outcome),
        cells=cells,
        findings={i: finding_rows(tool.findings) for i, tool in enumerate(tools) if tool.findings},
        metrics={i: metric_rows(tool.metrics) for i, tool in enumerate(tools) if tool.metrics},
        fused=finding_rows(fused),
    )


def reconcile(
    summaries: Iterable[ToolSummary], reports: Iterable[ToolReport]
) -> tuple[ToolReport, ...]:
    """One cell per tool that either side names, in the order of the report.

    The outcome may know more than the report: the app may have died under a tool that itself ended
    well. A cell that the outcome calls not measured is not measured, whatever the tool reported.
    """
    known = {summary.tool: summary for summary in summaries}
    cells = {report.tool: _downgraded(report, known.get(report.tool)) for report in reports}
    for name, summary in known.items():
        cells.setdefault(name, _without_report(summary))
    return tuple(cells.values())


def _downgraded(report: ToolReport, summary: ToolSummary | None) -> ToolReport:
    measured = MeasurementState.MEASURED
    if report.state is not measured:
        return report
    if summary is not None and summary.state is not measured:
        reason = summary.reason or "withdrawn after the tool had ended"
        return _not_measured(report, summary.state, reason)
    for metric in report.metrics:
        if not math.isfinite(metric.value):
            reason = f"{metric.name} is not a number ({metric.value})"
            return _not_measured(report, MeasurementState.INFRA_FAILED, reason)
    return report


def _not_measured(report: ToolReport, state: MeasurementState, reason: str) -> ToolReport:
    emptied = {"state": state, "reason": reason, "findings": (), "metrics": ()}
    return report.model_copy(update=emptied)


def _without_report(summary: ToolSummary) -> ToolReport:
    if summary.state is MeasurementState.MEASURED:
        # The numbers are lost with their report, so nothing is measured.
        reason = "its report was lost before it was recorded"
        return ToolReport(tool=summary.tool, state=MeasurementState.INFRA_FAILED, reason=reason)
    reason = summary.reason or "no reason recorded"
    return ToolReport(
        tool=summary.tool,
        state=summary.state,
        reason=reason,
        lacks_source=summary.lacks_source,
    )


def still_witnessed(fused: tuple[Finding, ...], measured: frozenset[str]) -> tuple[Finding, ...]:
    """Fused findings that a tool of `measured` saw, and those that name no witness."""
    return tuple(
        finding
        for finding in fused
        if not finding.witnesses
        or any(witness.partition(":")[0] in measured for witness in finding.witnesses)
    )


def _subtask(app: AppSpec, outcome: SubtaskOutcome) -> Row:
    return {
        "subtask_id": outcome.subtask_id,
        **target_of(app),
        "analyzer": outcome.analyzer.value,
        "attempts": outcome.attempts,
        "error_code": outcome.error_code,
        "duration_s": outcome.duration_s,
        "tool_seconds": outcome.tool_seconds,
        "wasted_seconds": outcome.wasted_seconds,
        "saved_seconds": outcome.saved_seconds,
    }


def _cell(app: AppSpec, outcome: SubtaskOutcome, tool: ToolReport, siblings: int) -> Row:
    body = tool.model_dump(mode="json", exclude={*CELL_COLUMNS, *CELL_TABLES})
    cached = tool.provenance.cached_from is not None
    return {
        "subtask_id": outcome.subtask_id,
        **target_of(app),
        "analyzer": outcome.analyzer.value,
        "tool": clean_text(tool.tool),
        "version": clean_text(tool.version),
        "state": tool.state.value,
        "reason": clean_text(tool.reason),
        "tool_seconds": 0.0 if cached else tool.provenance.duration_s,
        # No tool alone caused the waste of a subtask: equal shares, so that sums stay true.
        "wasted_seconds": outcome.wasted_seconds / siblings,
        "saved_seconds": tool.provenance.duration_s if cached else 0.0,
        "partial": int(is_partial(tool.coverage)),
        "artifact": outcome.report.model_dump(mode="json") if outcome.report else None,
        "body": body,
    }


def finding_rows(findings: Iterable[Finding]) -> list[Row]:
    """Rows of findings, numbered in their order; the owner's key is added by the caller."""
    return [
        {
            "ordinal": ordinal,
            "rule_id": clean_text(finding.rule_id),
            "severity": finding.severity.value,
            "category": finding.category.value,
            "cwe": finding.cwe[0] if finding.cwe else None,
            "fingerprint": clean_text(finding.fingerprint),
            "body": finding,
        }
        for ordinal, finding in enumerate(findings)
    ]


def metric_rows(metrics: Iterable[Metric]) -> list[Row]:
    """Rows of metrics, numbered in their order."""
    return [
        {
            "ordinal": ordinal,
            "name": clean_text(metric.name),
            "value": metric.value,
            "unit": clean_text(metric.unit),
            "target": clean_text(metric.target),
        }
        for ordinal, metric in enumerate(metrics)
    ]
