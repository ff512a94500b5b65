"""Values the store's tests record."""

from datetime import UTC, datetime

from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Metric,
    Provenance,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.outcome import AppFacts, AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.spec import (
    AppRef,
    AppSpec,
    AppsSpec,
    PipelinePlan,
    PipelineSpec,
    PlannedApp,
    SourceRef,
)
from store.results import SqlResultStore
from tests.support.facts import ALL_FACTS

MODEL = "openai/gpt-4.1"
DIGEST = "ab" + "0" * 62
ARTIFACT = ArtifactRef(key=f"sha256/ab/{DIGEST}", sha256=DIGEST, size_bytes=9, name="static.tar")


def plan(pipeline_id: str = "p1", apps: int = 2, parallelism: int = 3) -> PipelinePlan:
    """A pipeline of `apps` apps of one model."""
    return PipelinePlan(
        pipeline_id=pipeline_id,
        spec=PipelineSpec(apps=AppsSpec(root="fleet"), parallelism=parallelism),
        apps=tuple(
            PlannedApp(
                ref=AppRef(model=MODEL, app_number=number),
                source=SourceRef(
                    path=f"/fleet/app{number}", digest=f"d{number}", main_file="Dockerfile"
                ),
                template="notes",
            )
            for number in range(1, apps + 1)
        ),
    )


async def register(store: SqlResultStore, whole: PipelinePlan) -> None:
    """Register every page of a plan, as its pipeline does."""
    for page in pages_of(whole):
        await store.register_page(PlanHeader.of(whole), page)


def app(number: int = 1, pipeline_id: str = "p1") -> AppSpec:
    """The child's input for one app of `plan`."""
    planned = plan(pipeline_id, apps=number)
    return planned.app_spec(planned.apps[number - 1])


def finding(number: int = 0, tool: str = "bandit", message: str = "") -> Finding:
    """One finding; `number` makes it unique."""
    return Finding(
        tool=tool,
        rule_id=f"B{number}",
        message=message or f"SQL built from a string ({number})",
        severity=Severity.HIGH,
        cwe=(89, 20),
        location=Location(path="app.py", line=number + 1),
        fingerprint=f"{tool}-{number}",
    )


def measured(tool: str = "bandit", findings: int = 2) -> ToolReport:
    """A measured cell with findings, a metric and provenance."""
    return ToolReport(
        tool=tool,
        version="1.9.4",
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=3, given=4, skipped_total=1),
        findings=tuple(finding(number, tool) for number in range(findings)),
        metrics=(Metric(name="lines", value=120.0, unit="count"),),
        provenance=Provenance(
            argv=(("bandit", "-r", "."),), exit_codes=(1,), code_digest="c0de" * 16, duration_s=2.5
        ),
        data={"grade": "B", "scores": [1, 2.5]},
    )


def cached(tool: str = "bandit", seconds: float = 2.5) -> ToolReport:
    """A cell whose report an earlier run made in so many seconds."""
    report = measured(tool)
    provenance = report.provenance.model_copy(
        update={"duration_s": seconds, "cached_from": datetime(2026, 1, 1, tzinfo=UTC)}
    )
    return report.model_copy(update={"provenance": provenance})


def failed(tool: str = "semgrep", reason: str = "exit code 2: out of memory") -> ToolReport:
    """A cell that the platform failed to measure."""
    return ToolReport(tool=tool, state=MeasurementState.INFRA_FAILED, reason=reason)


def report(*tools: ToolReport, fused: tuple[Finding, ...] = ()) -> AnalyzerReport:
    """A static report of app 1."""
    return AnalyzerReport(
        subtask_id=app().subtask_id(AnalyzerKind.STATIC),
        analyzer=AnalyzerKind.STATIC,
        tools=tools or (measured(), failed()),
        fused=fused,
    )


def outcome(
    of: AnalyzerReport, spec: AppSpec | None = None, attempts: int = 2, wasted_seconds: float = 4.0
) -> SubtaskOutcome:
    """The outcome that belongs to a report."""
    return SubtaskOutcome(
        subtask_id=(spec or app()).subtask_id(of.analyzer),
        analyzer=of.analyzer,
        tools=tuple(
            ToolSummary(
                tool=tool.tool, state=tool.state, reason=tool.reason, findings=len(tool.findings)
            )
            for tool in of.tools
        ),
        report=ARTIFACT,
        attempts=attempts,
        tool_seconds=2.5,
        wasted_seconds=wasted_seconds,
    )


NOTHING = AppFacts()
RAN = ALL_FACTS.without_logs()


def app_outcome(
    state: MeasurementState = MeasurementState.MEASURED,
    log: str = "build.log",
    facts: AppFacts = NOTHING,
) -> AppOutcome:
    """How app 1 ended: with `facts` and one log."""
    return AppOutcome(
        ref=AppRef(model=MODEL, app_number=1),
        state=state,
        reason="" if state is MeasurementState.MEASURED else "did not answer",
        facts=facts.plus(AppFacts(logs=(ARTIFACT.model_copy(update={"name": log}),))),
    )
