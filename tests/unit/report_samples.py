"""A pipeline of 2 models x 2 apps with cells in all four states."""

from datetime import UTC, datetime

from contract.analysis import (
    ArtifactRef,
    Category,
    Confidence,
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
from contract.outcome import AppFacts, ServiceImage
from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord
from contract.spec import AppRef, SourceRef

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
HAIKU, GPT = "anthropic/claude-haiku", "openai/gpt-4.1"
MEASURED = MeasurementState.MEASURED
APP_FAILED = MeasurementState.APP_FAILED
INFRA_FAILED = MeasurementState.INFRA_FAILED
NOT_APPLICABLE = MeasurementState.NOT_APPLICABLE
MIB = 1024**2
HOSTILE = "</script><img src=x onerror=alert(1)>"


def finding(
    tool: str,
    rule: str,
    severity: Severity,
    cwe: int | None = None,
    location: Location | None = None,
    message: str = "",
    **more,
) -> Finding:
    """A finding with sensible defaults."""
    return Finding(
        tool=tool,
        rule_id=rule,
        severity=severity,
        cwe=(cwe,) if cwe else (),
        message=message or f"{rule} was found",
        location=location or Location(path="backend/app.py", line=42),
        fingerprint=f"{tool}-{rule}",
        **more,
    )


def cell(
    model: str, number: int, analyzer: AnalyzerKind, tool: str, state=MEASURED, reason="", **more
) -> CellRecord:
    """A cell with sensible defaults."""
    measured = state is MEASURED
    coverage = Coverage(unit="files", reached=12, given=13, skipped_total=1) if measured else None
    provenance = Provenance(
        argv=((f"venv/bin/{tool}", "--format", "sarif", "."),) if measured else (),
        exit_codes=(0,) if measured else (),
        duration_s=3.4 if measured else 0.0,
        rules_digest="6f1d" * 16,
    )
    of_report = {"coverage": coverage, "provenance": provenance, "version": "1.9.4"}
    of_report |= {name: more.pop(name) for name in ToolReport.model_fields if name in more}
    return CellRecord(
        ref=AppRef(model=model, app_number=number),
        analyzer=analyzer,
        report=ToolReport(tool=tool, state=state, reason=reason, **of_report),
        **{"tool_seconds": 3.4 if measured else 0.0, **more},
    )


HAIKU_1, HAIKU_2, GPT_1, GPT_2 = (
    AppRef(model=model, app_number=number) for model in (HAIKU, GPT) for number in (1, 2)
)
M_1 = AppRef(model="m", app_number=1)


def changed(cell: CellRecord, **fields) -> CellRecord:
    """`cell` with other `fields` of its tool's report."""
    return cell.model_copy(update={"report": cell.report.model_copy(update=fields)})


SQL = finding(
    "opengrep",
    "python.flask.sql-injection",
    Severity.CRITICAL,
    89,
    message="User input reaches an SQL statement that is built by string formatting",
    evidence="cursor.execute(f\"SELECT * FROM notes WHERE id = {request.args['id']}\")",
    confidence=Confidence.HIGH,
)
BANDIT_SQL = finding("bandit", "B608", Severity.MEDIUM, 89)
XSS = finding(
    "eslint",
    "no-unsanitized/property",
    Severity.HIGH,
    79,
    Location(path="frontend/src/App.jsx", line=88),
    f"innerHTML takes {HOSTILE}",
)
HEADER = finding(
    "probe",
    "missing-content-security-policy",
    Severity.LOW,
    693,
    Location(method="GET", url="http://127.0.0.1:32768/login"),
    "No Content-Security-Policy on 4 of 4 pages",
)
LINT = finding("pylint", "C0116", Severity.INFO, category=Category.QUALITY)
LOAD = (
    Metric(name="throughput_at_objective", value=182.4, unit="1/s", target="GET /notes"),
    Metric(name="latency_p50", value=3.2, unit="ms", target="GET /notes"),
    Metric(name="latency_p95", value=11.87, unit="ms", target="GET /notes"),
    Metric(name="latency_p99", value=28.1, unit="ms", target="GET /notes"),
    Metric(name="error_ratio", value=0.0, unit="ratio", target="GET /notes"),
    Metric(name="requests", value=5400.0, unit="count", target="GET /notes"),
    Metric(name="latency_p50", value=9.0, unit="ms", target="POST /notes"),
    Metric(name="latency_p95", value=64.3, unit="ms", target="POST /notes"),
    Metric(name="error_ratio", value=0.034, unit="ratio", target="POST /notes"),
    Metric(name="requests", value=2100.0, unit="count", target="POST /notes"),
    Metric(name="host_cpu_pressure", value=0.02, unit="ratio"),
)
REQUIREMENTS = {
    "requirements": [
        {
            "id": f"R{number}",
            "text": text,
            "verdict": verdict,
            "judges": {"judge-a": {"verdict": verdict, "reason": f"see app.py:{number}"}},
        }
        for number, (text, verdict) in enumerate(
            [
                ("Notes can be created and deleted", "met"),
                ("Only the owner sees a note", "not_met"),
                ("Notes survive a restart", "cannot_tell"),
            ]
        )
    ]
}
SCORES = (
    Metric(name="requirements_met", value=0.875, unit="ratio"),
    Metric(name="quality", value=71.0, unit="score", target="error handling"),
    Metric(name="cost", value=0.0123, unit="usd"),
)
STATIC, DYNAMIC, PERFORMANCE, AI = AnalyzerKind


def static_cells(model: str, number: int) -> list[CellRecord]:
    """Four static tools, three of them with findings, one with nothing to look at."""
    return [
        cell(model, number, STATIC, "bandit", findings=(BANDIT_SQL,)),
        cell(model, number, STATIC, "opengrep", findings=(SQL,)),
        cell(model, number, STATIC, "eslint", findings=(XSS,)),
        cell(model, number, STATIC, "pylint", findings=(LINT, LINT)),
        cell(model, number, STATIC, "hadolint", NOT_APPLICABLE, "no Dockerfile", version="2.15.1"),
    ]


def live_cells(model: str, number: int) -> list[CellRecord]:
    """Dynamic and performance, measured."""
    urls = Coverage(unit="urls", reached=9, items=("GET /notes", "GET /login"))
    operations = Coverage(unit="operations", reached=2, given=2)
    return [
        cell(model, number, DYNAMIC, "probe", findings=(HEADER,), coverage=urls),
        cell(model, number, DYNAMIC, "wapiti", coverage=urls),
        cell(model, number, PERFORMANCE, "openloop", metrics=LOAD, coverage=operations),
    ]


def fleet(state: str = "completed") -> PipelineRecord:
    """2 x 2 apps: measured, partly measured, failed by itself, and never run."""
    dead = "exited with 1 after 2.1 s: ModuleNotFoundError: No module named 'flask_cors'"
    down = "analyzer ai is down: connection refused at 127.0.0.1:2004"
    cells = [
        *static_cells(HAIKU, 1),
        *live_cells(HAIKU, 1),
        cell(HAIKU, 1, AI, "requirements", metrics=SCORES, data=REQUIREMENTS),
        *static_cells(HAIKU, 2),
        cell(HAIKU, 2, DYNAMIC, "*", APP_FAILED, dead, version=""),
        cell(HAIKU, 2, PERFORMANCE, "*", APP_FAILED, dead, version=""),
        cell(HAIKU, 2, AI, "requirements", metrics=SCORES),
        cell(GPT, 1, STATIC, "bandit"),
        cell(GPT, 1, STATIC, "opengrep", INFRA_FAILED, "killed at its limit of 300 s"),
        cell(GPT, 1, STATIC, "eslint", findings=(XSS,)),
        cell(GPT, 1, STATIC, "pylint", NOT_APPLICABLE, "no Python files"),
        cell(GPT, 1, STATIC, "hadolint", NOT_APPLICABLE, "no Dockerfile"),
        *live_cells(GPT, 1),
        cell(GPT, 1, AI, "*", INFRA_FAILED, down, version=""),
    ]
    fused = SQL.model_copy(update={"witnesses": ("opengrep:sql-injection", "bandit:B608")})
    log = ArtifactRef(key="sha256/ab/ab", sha256="ab" * 32, size_bytes=18_322, name="build.log")
    return PipelineRecord(
        pipeline_id="demo-2026-03-04",
        state=state,
        spec={"analyzers": ["static", "dynamic", "performance", "ai"], "parallelism": 3},
        detail={
            "tool_seconds": 74.8,
            "wasted_seconds": 6.1,
            "wasted_ratio": 1.0816,
            "restarts": 1,
            "parallelism": 3,
            "message": "cancelled by the user",
            "retries": 2,
            "retries_by_cause": {"UNAVAILABLE": 1, "WORKER_LOST": 1},
        },
        created_at=datetime(2026, 3, 4, 12, 26, tzinfo=UTC),
        finished_at=datetime(2026, 3, 4, 12, 29, tzinfo=UTC),
        apps=(
            AppRecord(
                ref=HAIKU_1,
                template="notes",
                source=SourceRef(path="", digest="", main_file="docker-compose.yml"),
                state=MEASURED,
                facts=AppFacts(
                    logs=(log,),
                    images=(ServiceImage(service="web", name="sha256:0123", size_bytes=48 * MIB),),
                    notes=("compose: web.privileged was dropped",),
                ),
            ),
            AppRecord(
                ref=HAIKU_2,
                template="shop",
                state=APP_FAILED,
                reason=dead,
                facts=AppFacts(logs=(log,)),
            ),
            AppRecord(
                ref=GPT_1,
                template="notes",
                state=INFRA_FAILED,
                reason=down,
            ),
            AppRecord(ref=GPT_2, template="shop"),
        ),
        cells=tuple(cells),
        fused=(
            FusedRecord(ref=HAIKU_1, analyzer=STATIC, findings=(fused, XSS)),
            FusedRecord(ref=HAIKU_2, analyzer=STATIC, findings=(fused, XSS)),
        ),
    )
