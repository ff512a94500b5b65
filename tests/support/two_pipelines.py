"""Two recorded pipelines, `after` with `before` as its baseline, and the reports of both."""

from datetime import UTC, datetime
from pathlib import Path

from activities.recording import Recording
from activities.report_writing import ReportWriting
from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Category,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.control import AnswerSheet, Label
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.role import AppRole
from contract.roles import control_ref, scaffold_ref
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from contract.suppression import Suppression
from store.results import SqlResultStore
from tests.support.store_folder import store_in

MODEL = "openai/gpt-4o"
INFRA_FAILED = MeasurementState.INFRA_FAILED
Apps = dict[int, tuple[ToolReport, ...]]


def finding(name: str, severity: Severity = Severity.HIGH, tool: str = "bandit") -> Finding:
    """A finding whose fingerprint is its name."""
    return Finding(
        tool=tool,
        rule_id="B608",
        message=f"=SQL of {name} <b>\x1b[31m",
        severity=severity,
        cwe=(89,),
        location=Location(path=f"src/{name}.py", line=7),
        fingerprint=f"v2-{name}",
        witnesses=(f"{tool}:B608",),
    )


def looked(*found: Finding, tool: str = "bandit") -> ToolReport:
    """A tool that measured."""
    coverage = Coverage(unit="files", reached=3, given=3)
    state = MeasurementState.MEASURED
    return ToolReport(tool=tool, version="1.0", state=state, coverage=coverage, findings=found)


def looking(report: ToolReport) -> ToolReport:
    """The report of a tool that says that it looks for weaknesses."""
    return report.model_copy(update={"looks_for": (Category.SECURITY,)})


def lost(tool: str = "bandit") -> ToolReport:
    """A tool that the platform failed."""
    return ToolReport(tool=tool, version="1.0", state=INFRA_FAILED, reason="killed at its limit")


BEFORE: Apps = {
    1: (looked(finding("kept"), finding("mended", Severity.MEDIUM)),),
    2: (looked(finding("lost")),),
    3: (looked(finding("elsewhere")),),
}
AFTER: Apps = {
    1: (looked(finding("kept"), finding("fresh", Severity.CRITICAL)),),
    2: (lost(),),
    4: (looked(finding("other")),),
}


CONTROL = PlannedApp(
    ref=control_ref("careless-1", 1),
    source=SourceRef(path="/controls", digest="control"),
    role=AppRole.CONTROL,
    sheet=AnswerSheet(
        weaknesses=(
            Label(
                id="sqli",
                cwe=89,
                title="SQL",
                file="app.py",
                line=1,
                snippet="sql",
                analyzers=(AnalyzerKind.STATIC,),
                severity="high",
            ),
        ),
        must_see={"static/bandit": ("sqli",)},
    ),
)


SCAFFOLD = PlannedApp(
    ref=scaffold_ref(1),
    source=SourceRef(path="/begin", digest="scaffold"),
    role=AppRole.SCAFFOLD,
)


async def _no_artifacts(archive: ArtifactRef) -> AnalyzerReport:
    raise AssertionError(f"nobody asks for {archive}")


async def record(
    store: SqlResultStore,
    pipeline_id: str,
    apps: Apps,
    spec: PipelineSpec | None = None,
    *,
    listed: bool = True,
    blind: str = "",
    scaffold: tuple[ToolReport, ...] = (),
) -> None:
    """Record a whole pipeline, as its workflow does.

    Args:
        store: where.
        pipeline_id: its ID.
        apps: what the tools measured of each.
        spec: its spec.
        listed: false: as a version did that listed no weaknesses.
        blind: a static tool that misses what it must see in a control app.
        scaffold: what the tools measured of what the apps began as; empty: there is none.
    """
    plan = PipelinePlan(
        pipeline_id=pipeline_id,
        spec=spec or PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,)),
        apps=tuple(
            PlannedApp(
                ref=AppRef(model=MODEL, app_number=number),
                source=SourceRef(path="/fleet", digest=f"{pipeline_id}{number}"),
            )
            for number in apps
        )
        + ((CONTROL,) if blind else ())
        + ((SCAFFOLD,) if scaffold else ()),
    )
    header, recording = PlanHeader.of(plan), Recording(store, _no_artifacts)
    for page in pages_of(plan):
        await store.register_page(header, page)
    for planned in plan.apps:
        app = plan.app_spec(planned)
        beside = {AppRole.CONTROL: (looked(tool=blind),), AppRole.SCAFFOLD: scaffold}
        tools = beside.get(planned.role) or apps[app.ref.app_number]
        subtask = SubtaskOutcome(
            subtask_id=app.subtask_id(AnalyzerKind.STATIC),
            analyzer=AnalyzerKind.STATIC,
            tools=tuple(
                ToolSummary(tool=tool.tool, state=tool.state, reason=tool.reason) for tool in tools
            ),
        )
        report = AnalyzerReport(
            subtask_id=subtask.subtask_id, analyzer=AnalyzerKind.STATIC, tools=tools
        )
        await store.record_subtask(pipeline_id, app, subtask, report)
        ended = AppOutcome(ref=app.ref, state=subtask.state)
        await (recording.app(app, ended) if listed else store.record_app(app, ended))
    await store.record_pipeline_state(pipeline_id, "completed", {}, datetime.now(UTC))


def against(baseline: str, *decisions: Suppression) -> PipelineSpec:
    """A spec with a baseline and decisions."""
    return PipelineSpec(
        apps=AppsSpec(root="fleet"),
        analyzers=(AnalyzerKind.STATIC,),
        baseline=baseline,
        suppressions=decisions or None,
    )


async def write_report(store: SqlResultStore, folder: Path, pipeline_id: str) -> None:
    """Write the report, as the worker does."""
    writing = ReportWriting(
        store, FileReportWriter(folder / "reports"), FileArtifactStore(folder / "artifacts")
    )
    await writing.write(pipeline_id, lambda _: None)


async def two_pipelines(folder: Path) -> None:
    """A data folder with both."""
    store = await store_in(folder)
    await record(store, "before", BEFORE)
    await record(store, "after", AFTER, against("before"))
    for name in ("before", "after"):
        await write_report(store, folder, name)
    await store.close()
