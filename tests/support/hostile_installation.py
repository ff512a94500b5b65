"""A recorded installation of an app that attacks whoever looks at it: markup in every field."""

import io
import tarfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from activities.recording import Recording
from activities.result_cache import load_report
from clients.artifacts import FileArtifactStore
from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Category,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Metric,
    Provenance,
    Severity,
    Skipped,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.outcome import AppFacts, AppOutcome, ServiceImage, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from contract.suppression import Suppression
from contract.template import Requirement, TemplateSpec
from store.results import SqlResultStore
from tests.support.store_folder import store_in, url_in
from tests.support.two_pipelines import write_report

MARKUP = "'\"><evil onevil=evil() style=evil><script>evil()</script>{{7919*104729}}"
EVIL = f"{MARKUP}<!--\x1b[31m\u202e\x00\x07</textarea></title>]]>"
PIPELINE = "hostile"
REF = AppRef(model=MARKUP, app_number=1)
OTHER = AppRef(model="..", app_number=2)
CODE = f'<!doctype html>\n<body onload="evil()">\n{EVIL}\n'
PICTURE = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb0043" + "00" + "ff" * 64 + "ffc0000b08000100010101"
    "1100ffc40014000100000000000000000000000000000003ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0037ffd9"
)
MEMBERS = {
    "browser/page.html": CODE.encode(),
    "browser/picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>evil()</script></svg>",
    "browser/good.jpg": PICTURE,
    "browser/more.jpg": PICTURE + b"<script>evil()</script>",
    "browser/lie.png": b"\x89PNG\r\n\x1a\n<script>evil()</script>",
    f"browser/{MARKUP.replace('/', '')}.png": PICTURE,
}


def archive_of(report: AnalyzerReport, members: dict[str, bytes]) -> bytes:
    """A result archive, as an analyzer packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in {"report.json": report.model_dump_json().encode(), **members}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def hostile_finding(number: int, tool: str, category: Category = Category.SECURITY) -> Finding:
    """A finding that attacks by each of its texts."""
    return Finding(
        tool=tool,
        rule_id=f"{EVIL}{number}",
        message=f"{EVIL} javascript:evil()",
        severity=tuple(Severity)[number % 5],
        category=category,
        cwe=(89,),
        location=Location(
            path=f"src/{MARKUP}.py",
            line=1 + number,
            method=EVIL,
            url=f"javascript:evil()//{EVIL}",
            parameter=EVIL,
        ),
        fingerprint=f"v2-{MARKUP}{number}",
        aliases=(EVIL,),
        shape=EVIL,
        witnesses=(f"{tool}:{EVIL}",),
        evidence=f"{CODE}HTTP/1.1 200 OK\n\n{EVIL}",
    )


def measured(tool: str, kind: AnalyzerKind) -> ToolReport:
    """A tool that measured, and repeats what the app says."""
    category = Category.REQUIREMENT if kind is AnalyzerKind.AI else Category.SECURITY
    row = {"name": "good.jpg", "service": EVIL, "path": EVIL, "url": f"javascript:{EVIL}"}
    data: dict[str, Any] = {"screenshots": [row], EVIL: EVIL, "requirements": [row | {"id": EVIL}]}
    return ToolReport(
        tool=tool,
        version=EVIL,
        state=MeasurementState.MEASURED,
        looks_for=(category,),
        coverage=Coverage(
            unit="files",
            reached=3,
            given=4,
            skipped=(Skipped(what=EVIL, reason=EVIL),),
            skipped_total=1,
            items=(EVIL, f"javascript:evil()//{EVIL}"),
        ),
        findings=tuple(hostile_finding(number, tool, category) for number in range(3)),
        metrics=(Metric(name="latency_p95", value=1.5, unit="ms", target=f"GET /{EVIL}"),),
        provenance=Provenance(argv=((EVIL,),), exit_codes=(0,), notes=(EVIL,), cuts=(EVIL,)),
        data=data,
        attachments=tuple(name.partition("/")[2] for name in MEMBERS),
    )


def lost(tool: str) -> ToolReport:
    """A tool that the platform failed, with words of the app."""
    return ToolReport(tool=tool, state=MeasurementState.INFRA_FAILED, reason=EVIL, version=EVIL)


async def hostile_installation(folder: Path) -> None:
    """A data folder with one pipeline, and its report."""
    store, artifacts = await store_in(folder), FileArtifactStore(folder / "artifacts")
    plan = _plan()
    for page in pages_of(plan):
        await store.register_page(PlanHeader.of(plan), page)
    recording = Recording(store, lambda archive: load_report(artifacts, archive))
    for planned in plan.apps:
        app = plan.app_spec(planned)
        subtasks = [
            await _subtask(store, artifacts, plan, planned, kind) for kind in plan.spec.analyzers
        ]
        facts = AppFacts(
            logs=(await artifacts.put_bytes(CODE.encode(), f"{MARKUP}.log"),),
            images=(ServiceImage(service=EVIL, name=EVIL, size_bytes=1),),
            notes=(EVIL,),
            restarts=1,
            retry_causes=(EVIL,),
        )
        state = MeasurementState.MEASURED if planned.ref == REF else MeasurementState.APP_FAILED
        outcome = AppOutcome(
            ref=app.ref, state=state, reason=EVIL, subtasks=tuple(subtasks), facts=facts
        )
        await recording.app(app, outcome)
    decision = Suppression(fingerprint=f"v2-{MARKUP}1", who=MARKUP, why=EVIL)
    await store.suppress(PIPELINE, decision)
    later = Suppression(rule=MARKUP, path="**", app="*", who=MARKUP, why=EVIL, until=date.max)
    await store.suppress(PIPELINE, later)
    await store.record_pipeline_state(PIPELINE, "completed", {"why": EVIL}, datetime.now(UTC))
    await write_report(store, folder, PIPELINE)
    await store.close()


def _plan() -> PipelinePlan:
    kinds = tuple(AnalyzerKind)
    template = TemplateSpec(
        slug=MARKUP, name=EVIL, requirements=(Requirement(id=MARKUP, text=EVIL),)
    )
    apps = tuple(
        PlannedApp(
            ref=ref, source=SourceRef(path=f"/fleet/{EVIL}", digest=ref.label), template=MARKUP
        )
        for ref in (REF, OTHER)
    )
    spec = PipelineSpec(apps=AppsSpec(root=f"/fleet/{MARKUP}"), analyzers=kinds)
    return PipelinePlan(pipeline_id=PIPELINE, spec=spec, apps=apps, templates={MARKUP: template})


async def _subtask(
    store: SqlResultStore,
    artifacts: FileArtifactStore,
    plan: PipelinePlan,
    planned: PlannedApp,
    kind: AnalyzerKind,
) -> SubtaskOutcome:
    app = plan.app_spec(planned)
    tools = (measured("browser", kind), measured(f"{MARKUP}{kind}", kind), lost(f"lost-{kind}"))
    report = AnalyzerReport(
        subtask_id=app.subtask_id(kind), analyzer=kind, service_version=EVIL, tools=tools
    )
    archive = await artifacts.put_bytes(archive_of(report, MEMBERS), f"{kind}.tar")
    outcome = SubtaskOutcome(
        subtask_id=report.subtask_id,
        analyzer=kind,
        tools=tuple(_summaries(tools)),
        report=archive,
        retry_causes=(EVIL,),
    )
    await store.record_subtask(plan.pipeline_id, app, outcome, report)
    return outcome


def _summaries(tools: Iterable[ToolReport]) -> Iterable[ToolSummary]:
    return (ToolSummary(tool=tool.tool, state=tool.state, reason=tool.reason) for tool in tools)


async def archive_at(folder: Path) -> ArtifactRef:
    """The result archive of the static analyzer of the hostile app."""
    store = SqlResultStore.from_url(url_in(folder))
    record = await store.load_outline(PIPELINE, REF)
    await store.close()
    return next(cell.artifact for cell in record.cells if cell.artifact is not None)
