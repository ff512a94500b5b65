"""A computed record of a large fleet: many models, apps, tools and findings, in all states."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from contract.analysis import (
    ArtifactRef,
    Category,
    Confidence,
    Finding,
    Location,
    MeasurementState,
    Metric,
    Severity,
)
from contract.analyzers import AnalyzerKind
from contract.outcome import AppFacts, ServiceImage
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from tests.unit.report_samples import (
    APP_FAILED,
    HOSTILE,
    INFRA_FAILED,
    MEASURED,
    NOT_APPLICABLE,
    NOW,
    REQUIREMENTS,
    SCORES,
    cell,
)

STATIC_TOOLS = [f"linter-{letter}" for letter in "abcdefghijklmnopqrst"]
DYNAMIC_TOOLS = [f"scanner-{letter}" for letter in "abcdefghij"]
LOAD_TOOLS = ["lighthouse", "loadtest", "openloop"]
AI_TOOLS = ["quality", "requirements"]
STATIC, DYNAMIC, PERFORMANCE, AI = AnalyzerKind
DEAD = "exited with 1 after 2.1 s: ModuleNotFoundError: No module named 'flask_cors'"
LONG_WORD = "backend/src/" + "averyveryverylongmodulename" * 4 + "/handlers.py"
_CWES = (79, 89, 22, 352, 798, 327, 601, 918)


def large_fleet(models: int = 10, apps: int = 20, extra_tools: int = 0) -> PipelineRecord:
    """`models` x `apps` apps; `extra_tools` more static tools than there are."""
    tools = [*STATIC_TOOLS, *(f"static-tool-{number}" for number in range(extra_tools))]
    return part_of(keys_of(models, apps), tools)


def keys_of(models: int, apps: int) -> dict[tuple[str, int], int]:
    """Model and number of each app of such a fleet, with its position."""
    keys = [(f"vendor-{m}/model-{m}.5", n) for m in range(models) for n in range(1, apps + 1)]
    return {key: index for index, key in enumerate(keys)}


def part_of(
    keys: Mapping[tuple[str, int], int], tools: Sequence[str] = STATIC_TOOLS, *, cells: bool = True
) -> PipelineRecord:
    """The record of these apps alone; with their cells, or without."""
    return PipelineRecord(
        pipeline_id="large",
        state="completed",
        spec={"analyzers": [kind.value for kind in AnalyzerKind]},
        detail={"tool_seconds": 9_000.0, "wasted_seconds": 41.0, "parallelism": 3},
        created_at=NOW - timedelta(hours=9),
        finished_at=NOW - timedelta(minutes=4),
        apps=tuple(_app(index, *key) for key, index in keys.items()),
        cells=tuple(
            made for key, index in keys.items() if cells for made in _cells(index, *key, tools)
        ),
    )


def _app(index: int, model: str, number: int) -> AppRecord:
    log = ArtifactRef(key="sha256/ab/ab", sha256="ab" * 32, size_bytes=18_322, name="build.log")
    state = _state(index)
    reason = {APP_FAILED: DEAD, INFRA_FAILED: "analyzer ai is down"}.get(state, "")
    return AppRecord(
        ref=AppRef(model=model, app_number=number),
        template=("notes", "shop", "forum")[number % 3],
        state=state,
        reason=reason,
        facts=AppFacts(
            logs=(log,),
            images=(ServiceImage(service="web", name="sha256:0123", size_bytes=48 * 1024**2),),
            notes=(f"compose: web.privileged {HOSTILE} was dropped",),
        ),
    )


def _state(index: int) -> MeasurementState:
    return APP_FAILED if index % 9 == 4 else INFRA_FAILED if index % 7 == 3 else MEASURED


def _cells(index: int, model: str, number: int, tools: Sequence[str]) -> Iterator[CellRecord]:
    state = _state(index)
    for place, tool in enumerate(tools):
        if (index + place) % 11 == 5:
            yield cell(model, number, STATIC, tool, NOT_APPLICABLE, "no file of its kind")
        elif (index + place) % 23 == 7:
            yield cell(model, number, STATIC, tool, INFRA_FAILED, "killed at its limit of 300 s")
        else:
            found = tuple(_finding(tool, index, at) for at in range((index * 5 + place) % 6))
            yield cell(model, number, STATIC, tool, findings=found)
    if state is APP_FAILED:
        yield cell(model, number, DYNAMIC, "*", APP_FAILED, DEAD, version="")
        yield cell(model, number, PERFORMANCE, "*", APP_FAILED, DEAD, version="")
    else:
        for place, tool in enumerate(DYNAMIC_TOOLS):
            found = tuple(_alive(tool, index, at) for at in range((index + place) % 4))
            yield cell(model, number, DYNAMIC, tool, findings=found)
        for tool in LOAD_TOOLS:
            yield cell(model, number, PERFORMANCE, tool, metrics=tuple(_load(tool, index)))
    if state is INFRA_FAILED:
        yield cell(model, number, AI, "*", INFRA_FAILED, "analyzer ai is down", version="")
    else:
        yield cell(model, number, AI, "quality", metrics=SCORES)
        yield cell(model, number, AI, "requirements", metrics=SCORES, data=REQUIREMENTS)


def _finding(tool: str, index: int, at: int) -> Finding:
    quality = tool in STATIC_TOOLS[-4:]
    return Finding(
        tool=tool,
        rule_id=f"{tool}.rule-{at}",
        severity=list(Severity)[(index + at) % 5],
        category=Category.QUALITY if quality else Category.SECURITY,
        confidence=list(Confidence)[at % 3],
        cwe=() if quality else (_CWES[(index + at) % 8],),
        message=f"User input reaches a statement that is built by string formatting, case {at}",
        location=Location(path=LONG_WORD if at == 3 else f"backend/views_{at}.py", line=40 + at),
        evidence=f"cursor.execute(f\"SELECT * FROM t{at} WHERE id = {{request.args['id']}}\")",
        fingerprint=f"{tool}-{index}-{at}",
        witnesses=(f"{tool}:rule-{at}", "opengrep:python.flask.rule"),
    )


def _alive(tool: str, index: int, at: int) -> Finding:
    return Finding(
        tool=tool,
        rule_id=f"{tool}.answer-{at}",
        severity=list(Severity)[1 + (index + at) % 4],
        cwe=(693,),
        message=f"No Content-Security-Policy on {at} of 4 pages {HOSTILE}",
        location=Location(
            method="POST", url=f"http://127.0.0.1:8000/api/items/{at}", parameter="q"
        ),
        fingerprint=f"{tool}-{index}-{at}",
    )


def _load(tool: str, index: int) -> Iterator[Metric]:
    busy = float(index % 13 == 0)
    for at in range(2 if tool == "lighthouse" else 4):
        target = f"GET /api/items/{at}"
        slow = 3.0 + index % 17 + at
        if tool == "openloop":
            yield Metric(
                name="throughput_at_objective", value=400 - slow, unit="1/s", target=target
            )
            yield Metric(name="censored", value=float(index % 2), unit="count", target=target)
        if tool == "lighthouse":
            yield Metric(
                name="lighthouse_performance", value=99 - slow, unit="score", target=target
            )
        else:
            yield Metric(name="throughput", value=390 - slow, unit="1/s", target=target)
            for name, factor in (("latency_p50", 1), ("latency_p95", 4), ("latency_p99", 9)):
                yield Metric(name=name, value=slow * factor, unit="ms", target=target)
            yield Metric(name="error_ratio", value=0.01 * (index % 3), unit="ratio", target=target)
            yield Metric(name="requests", value=5400.0, unit="count", target=target)
        yield Metric(name="contended", value=busy, unit="count", target=target)
    yield Metric(name="host_cpu_pressure", value=0.02, unit="ratio")
