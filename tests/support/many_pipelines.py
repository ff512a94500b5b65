"""An app in many pipelines: a load figure that changes, findings that do not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contract.analysis import (
    AnalyzerReport,
    Category,
    Coverage,
    Finding,
    Metric,
    Provenance,
    Severity,
    ToolReport,
)
from contract.analysis import MeasurementState as State
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from store.results import SqlResultStore
from tests.support.store_folder import store_in

REF = AppRef(model="openai/gpt-4o", app_number=1)
KINDS = (AnalyzerKind.STATIC, AnalyzerKind.PERFORMANCE)
CALM = (20.1, 19.8, 20.4, 20.0, 19.9, 20.2, 20.3)
SLOWER = (*CALM, 30.1, 30.4)


def loaded(p95: float, contended: bool = False) -> ToolReport:
    """What the load test says of one operation."""
    step = {"rate": 20.0, "latency": {"p50": p95 / 2, "p95": p95}, "error_ratio": 0.0}
    metrics = (
        Metric(name="throughput_at_objective", value=320.0, unit="1/s", target="GET /"),
        Metric(name="contended", value=float(contended), unit="count", target="GET /"),
        Metric(name="calibration_throughput", value=5_000.0, unit="1/s", target="calibration"),
    )
    return ToolReport(
        tool="openloop",
        version="3",
        state=State.MEASURED,
        coverage=Coverage(unit="operations", reached=1),
        metrics=metrics,
        data={"steps": {"GET /": [step, {**step, "rate": 40.0}]}},
    )


def scanned(findings: int = 0, version: str = "1.9", rules: str = "") -> ToolReport:
    """What a scanner says of the source."""
    return ToolReport(
        tool="bandit",
        version=version,
        state=State.MEASURED,
        coverage=Coverage(unit="files", reached=3),
        looks_for=(Category.SECURITY,),
        findings=tuple(
            Finding(tool="bandit", rule_id=f"B{n}", message="no", severity=Severity.LOW)
            for n in range(findings)
        ),
        provenance=Provenance(rules_digest=rules),
    )


async def record(
    store: SqlResultStore, pipeline_id: str, at: datetime, load: ToolReport, scan: ToolReport
) -> None:
    """A pipeline that began then, with one app that was loaded and scanned."""
    planned = PlannedApp(ref=REF, source=SourceRef(path="/fleet", digest="same"))
    spec = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=KINDS)
    plan = PipelinePlan(pipeline_id=pipeline_id, spec=spec, apps=(planned,))
    for page in pages_of(plan):
        await store.register_page(PlanHeader.of(plan), page, at)
    app = plan.app_spec(planned)
    for kind, tool in zip(KINDS, (scan, load), strict=True):
        id_ = app.subtask_id(kind)
        report = AnalyzerReport(subtask_id=id_, analyzer=kind, tools=(tool,))
        summary = ToolSummary(tool=tool.tool, state=tool.state)
        outcome = SubtaskOutcome(subtask_id=id_, analyzer=kind, tools=(summary,), tool_seconds=1.0)
        await store.record_subtask(pipeline_id, app, outcome, report)
    await store.record_app(app, AppOutcome(ref=REF, state=State.MEASURED, subtasks=()))
    await store.replace_weaknesses(pipeline_id, REF, [])


async def many_pipelines(
    folder: Path, values: Sequence[float] = SLOWER, last_scan: ToolReport | None = None
) -> None:
    """One pipeline a day for each p95: `run-0`, `run-1`, ...; scans find nothing, but the last."""
    store = await store_in(folder)
    for day, value in enumerate(values):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        scan = last_scan if last_scan and day == len(values) - 1 else scanned()
        await record(store, f"run-{day}", at, loaded(value), scan)
    await store.close()
