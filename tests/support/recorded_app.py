"""A pipeline with one app of which everything is kept: archives, logs, pictures, load, verdicts."""

import base64
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from activities.recording import Recording
from clients.artifacts import FileArtifactStore
from clients.source import digest_tree
from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Category,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Metric,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.attached import EXCHANGES, FLOWS, SCREENSHOTS, USAGE, exchange_key
from contract.families import path_key
from contract.outcome import AppFacts, AppOutcome, ServiceImage, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp
from contract.weakness import Weakness
from store.results import SqlResultStore
from tests.support.store_folder import store_in, url_in

REF = AppRef(model="openai/gpt-4o", app_number=3)
CODE = """from flask import request


def find(db):
    q = request.args["q"]
    sql = "SELECT " + q
    return db.execute(sql)  # <script>alert(1)</script>
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SQL = Finding(
    tool="opengrep",
    rule_id="python-sql-injection",
    message="Data from the request becomes part of SQL. <img src=x onerror=alert(1)>",
    severity=Severity.HIGH,
    cwe=(89,),
    location=Location(path="app.py", line=7, column=5),
    fingerprint="v2-sql",
    witnesses=("opengrep:python-sql-injection",),
    evidence="    return db.execute(sql)  # <script>alert(1)</script>",
)
SENT = Finding(
    tool="access-control",
    rule_id="object-read-by-other-user",
    message="Any user can read objects that belong to another user",
    severity=Severity.HIGH,
    cwe=(639,),
    location=Location(method="GET", url="/notes/{id}"),
    fingerprint="v2-read",
    witnesses=("access-control:object-read-by-other-user",),
    evidence="as another user: GET /notes/1 -> 200",
)
STEPS = [
    {"role": "source", "path": "app.py", "line": 5, "text": 'q = request.args["q"]'},
    {"role": "step", "path": "app.py", "line": 6, "text": 'sql = "SELECT " + q'},
    {"role": "sink", "path": "app.py", "line": 7, "text": "return db.execute(sql)"},
]
EXCHANGE = {
    "tool": "access-control",
    "request": "GET /notes/1 HTTP/1.1\nAuthorization: ***",
    "status": 200,
    "answer": "HTTP 200\n\n<script>steal()</script>",
    "cut": 9,
}
LOAD = {
    "steps": {
        "GET /notes": [
            {
                "rate": 80,
                "throughput": 61.0,
                "error_ratio": 0.2,
                "broke": "p95 of 812 ms",
                "latency": {"p50": 300.0, "p95": 812.0, "p99": 1900.0},
            },
            {"rate": 10, "throughput": 10.0, "latency": {"p50": 4.0, "p95": 9.0}},
            {"rate": "damaged"},
        ]
    },
    "objective": {"p95_ms": 500},
    "contention": {"GET /notes": []},
}
VERDICT = {
    "id": "R1",
    "text": "A user can log in",
    "verdict": "met",
    "judges": {
        "judge-a": {
            "verdict": "met",
            "reason": "there is a login route",
            "evidence": [{"path": "app.py", "line": 5, "quote": "request.args"}],
            "rejected": ["app.py:99: the file has 7 lines"],
        }
    },
}


async def archive(store: FileArtifactStore, name: str, files: Mapping[str, bytes]) -> ArtifactRef:
    """A result archive of these members."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for member, content in {"report.json": b"{}", **files}.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return await store.put_bytes(packed.getvalue(), name)


def source_of(folder: Path) -> Path:
    """The app's folder."""
    root = folder / "fleet" / "app3"
    root.mkdir(parents=True, exist_ok=True)
    (root / "app.py").write_text(CODE)
    return root


def tools() -> dict[AnalyzerKind, tuple[tuple[ToolReport, ...], dict[str, bytes]]]:
    """What each analyzer reports, and the members of its archive."""
    flows = {path_key(SQL): STEPS}
    sent = {exchange_key(SENT): [EXCHANGE]}
    used = {"at_s": [0, 0.5, 1], "cpu_percent": [None, 12.5, 90.0]}
    usage = [{"service": "app", **used, "memory_bytes": [1_000_000, 2_000_000, 3_000_000]}]
    opengrep = measured("opengrep", SQL, data={"paths": {path_key(SQL): [5, 6, 7]}}, kept=(FLOWS,))
    bandit = ToolReport(
        tool="bandit", state=MeasurementState.INFRA_FAILED, reason="killed at its limit <b>"
    )
    browser = measured(
        "browser",
        data={SCREENSHOTS: [{"name": "web.png", "service": "web", "path": "/"}]},
        kept=("web.png",),
        looks_for=(Category.QUALITY,),
    )
    access = measured("access-control", SENT, kept=(EXCHANGES,))
    load = measured("openloop", data=LOAD, kept=(USAGE,), looks_for=())
    judged = measured("requirements", data={"requirements": [VERDICT]}, looks_for=())
    return {
        AnalyzerKind.STATIC: ((opengrep, bandit), {f"opengrep/{FLOWS}": dumped(flows)}),
        AnalyzerKind.DYNAMIC: (
            (browser, access),
            {"browser/web.png": PNG, f"access-control/{EXCHANGES}": dumped(sent)},
        ),
        AnalyzerKind.PERFORMANCE: ((load,), {f"openloop/{USAGE}": dumped(usage)}),
        AnalyzerKind.AI: ((judged,), {}),
    }


def measured(
    tool: str,
    *found: Finding,
    data: dict[str, object] | None = None,
    kept: tuple[str, ...] = (),
    looks_for: tuple[Category, ...] = (Category.SECURITY,),
) -> ToolReport:
    """A tool that measured."""
    metrics = (Metric(name="latency_p95", value=9, unit="ms", target="GET /notes"),)
    return ToolReport(
        tool=tool,
        version="1.2",
        state=MeasurementState.MEASURED,
        looks_for=looks_for,
        coverage=Coverage(unit="files", reached=1, given=1),
        findings=found,
        metrics=metrics if tool == "openloop" else (),
        data=data or {},
        attachments=kept,
    )


def dumped(value: object) -> bytes:
    """JSON."""
    return json.dumps(value).encode()


async def many_weaknesses(folder: Path, number: int) -> None:
    """The same app, listed with so many weaknesses."""
    await recorded_app(folder)
    store = SqlResultStore.from_url(url_in(folder))
    found = [
        Weakness(finding=SQL.model_copy(update={"fingerprint": f"v2-{at}", "evidence": "x" * 200}))
        for at in range(number)
    ]
    await store.replace_weaknesses("whole", REF, found)
    await store.close()


async def no_artifact(archive: ArtifactRef) -> AnalyzerReport:
    """Nobody reads an archive while it is recorded here."""
    raise AssertionError(f"nobody asks for {archive}")


async def recorded_app(folder: Path, pipeline_id: str = "whole", *, ended: bool = True) -> None:
    """Record it; not `ended`: only its first analyzer has reported, and the pipeline runs."""
    results, kept = await store_in(folder), FileArtifactStore(folder / "artifacts")
    kinds = tools()
    plan = PipelinePlan(
        pipeline_id=pipeline_id,
        spec=PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=tuple(kinds)),
        apps=(PlannedApp(ref=REF, source=digest_tree(source_of(folder))),),
    )
    app, header = plan.app_spec(plan.apps[0]), PlanHeader.of(plan)
    for page in pages_of(plan):
        await results.register_page(header, page)
    for kind, (reports, members) in list(kinds.items())[: None if ended else 1]:
        ref = await archive(kept, f"{kind}.tar", members)
        id_ = app.subtask_id(kind)
        outcome = SubtaskOutcome(
            subtask_id=id_,
            analyzer=kind,
            tools=tuple(ToolSummary(tool=r.tool, state=r.state, reason=r.reason) for r in reports),
            report=ref,
        )
        fused = tuple(found for one in reports for found in one.findings)
        report = AnalyzerReport(subtask_id=id_, analyzer=kind, tools=reports, fused=fused)
        await results.record_subtask(pipeline_id, app, outcome, report)
    if ended:
        lines = "".join(f"line {n} \x1b[31m<b>\n" for n in range(1, 451))
        log = await kept.put_bytes(lines.encode(), "start.log")
        facts = AppFacts(
            logs=(log,),
            images=(ServiceImage(service="app", name="assay/app:1", size_bytes=1024),),
            notes=("a volume was not honoured",),
        )
        state = MeasurementState.INFRA_FAILED
        ended_as = AppOutcome(ref=REF, state=state, reason="static/bandit", facts=facts)
        await Recording(results, no_artifact).app(app, ended_as)
        await results.record_pipeline_state(pipeline_id, "completed", {}, datetime.now(UTC))
    await results.close()
