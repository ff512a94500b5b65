"""The store with ten thousand apps and a million findings: writes, overview, pages of findings.

    python bench/bench_store.py [--apps 10000] [--findings 100] [--url postgresql://...]

Without `--url`, a SQLite file in a folder that is removed at the end. Prints findings per second of
the import (cells, findings and searchable weaknesses of each app, as its workflow writes them), and
the median and p95 of each read.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.recording import recorded
from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    Confidence,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind, Category
from contract.findings import FindingsQuery
from contract.ids import safe_model
from contract.journal import RecordedApp
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
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
from contract.weakness import BaselineState, Weakness
from store.migrate import upgrade
from store.results import SqlResultStore

MODELS = 10
TOOLS = tuple(f"tool{number:02}" for number in range(28))
CWES = (89, 79, 22, 78, 798, 327, 352, 502, 611, 918, 601, 200, 209, 20, 330, 295, 434, 863, 1333)
DIGEST = "ab" + "0" * 62
ARTIFACT = ArtifactRef(key=f"sha256/ab/{DIGEST}", sha256=DIGEST, size_bytes=9)
_SEVERITIES = random.Random(3).choices(list(Severity), (1, 8, 30, 40, 21), k=1_000)


def folder_of(root: str, app: AppRef) -> str:
    """Where an app is, below the folder of its fleet."""
    return f"{root}/{safe_model(app.model)}/app{app.app_number}"


def refs_of(apps: int) -> list[AppRef]:
    """So many apps of ten models."""
    return [
        AppRef(model=f"vendor/model-{number % MODELS}", app_number=number // MODELS + 1)
        for number in range(apps)
    ]


def plan_of(apps: int, root: str = "/fleet") -> PipelinePlan:
    """A plan of so many apps, whose folders are below `root`."""
    planned = (
        PlannedApp(
            ref=ref,
            source=SourceRef(path=folder_of(root, ref), digest=f"{number:064}", files=20),
            template="notes",
        )
        for number, ref in enumerate(refs_of(apps))
    )
    spec = PipelineSpec(apps=AppsSpec(root="fleet"))
    return PipelinePlan(pipeline_id="bench", spec=spec, apps=tuple(planned))


def findings_of(app: int, count: int) -> tuple[Finding, ...]:
    """Findings that differ as those of real apps do: many of few kinds."""
    draw = random.Random(app)
    return tuple(_finding(draw, app, number) for number in range(count))


def _finding(draw: random.Random, app: int, number: int) -> Finding:
    cwe = CWES[min(int(draw.expovariate(0.25)), len(CWES) - 1)]
    tool = TOOLS[min(int(draw.expovariate(0.2)), len(TOOLS) - 1)]
    security = draw.random() < 0.4
    return Finding(
        tool=tool,
        rule_id=f"{tool}.rule-{cwe}",
        message=f"User input reaches a sink in handler {number}; " + "escape it. " * 8,
        severity=_SEVERITIES[draw.randrange(1_000)],
        confidence=draw.choice(list(Confidence)),
        category=Category.SECURITY if security else Category.QUALITY,
        cwe=(cwe,) if security else (),
        location=Location(path=f"src/module{number % 12}.py", line=draw.randrange(1, 400)),
        fingerprint=f"{draw.getrandbits(256):064x}",
        shape=f"{draw.getrandbits(8):064x}",
        witnesses=tuple(f"{name}:rule" for name in draw.sample(TOOLS, draw.choice((1, 1, 1, 2)))),
        evidence="cursor.execute(f'SELECT * FROM notes WHERE id = {id}')",
    )


def report_of(app: AppSpec, kind: AnalyzerKind, findings: tuple[Finding, ...]) -> AnalyzerReport:
    """Seven tools of an analyzer; each has its share of the findings."""
    at = list(AnalyzerKind).index(kind) * 7
    coverage = Coverage(unit="files", reached=20, given=20)
    tools = tuple(
        ToolReport(
            tool=tool,
            version="1.2.3",
            state=MeasurementState.MEASURED,
            coverage=coverage,
            findings=findings[place::7],
        )
        for place, tool in enumerate(TOOLS[at : at + 7])
    )
    return AnalyzerReport(subtask_id=app.subtask_id(kind), analyzer=kind, tools=tools)


def outcome_of(report: AnalyzerReport) -> SubtaskOutcome:
    """The outcome that belongs to a report."""
    tools = tuple(ToolSummary(tool=tool.tool, state=tool.state) for tool in report.tools)
    return SubtaskOutcome(
        subtask_id=report.subtask_id,
        analyzer=report.analyzer,
        tools=tools,
        report=ARTIFACT,
        duration_s=30.0,
        tool_seconds=20.0,
    )


def weaknesses_of(findings: tuple[Finding, ...]) -> list[Weakness]:
    """The findings as they are listed."""
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    states = list(BaselineState)
    return [
        Weakness(
            finding=finding,
            family=f"family-{finding.cwe[0]}" if finding.cwe else finding.rule_id,
            owasp=(f"A{finding.cwe[0] % 10 + 1:02}",) if finding.cwe else (),
            baseline=states[len(finding.message) % 2] if finding.severity != "info" else None,
        )
        for finding in sorted(findings, key=lambda finding: ranks[finding.severity])
    ]


async def fill(
    store: SqlResultStore, apps: int, count: int, batch: int, root: str = "/fleet"
) -> dict[str, float]:
    """Record all apps, some in one transaction; findings per second, without making them.

    The rows of a batch are made while those of the one before are written.
    """
    plan = plan_of(apps, root)
    header = PlanHeader.of(plan)
    for page in pages_of(plan):
        await store.register_page(header, page)
    spent = busy = 0.0
    for first in range(0, apps, 4 * batch):
        made = [_made(plan, number, count) for number in range(first, min(first + 4 * batch, apps))]
        begun, worked = time.perf_counter(), time.process_time()
        halves = (made[0 : 2 * batch], made[2 * batch :])
        await asyncio.gather(*(_record(store, half, batch) for half in halves))
        spent += time.perf_counter() - begun
        busy += time.process_time() - worked
    await store.record_pipeline_state("bench", "completed", {})
    return {"findings_per_s": apps * count / spent, "seconds": spent, "processor_s": busy}


async def _record(store: SqlResultStore, made: list[RecordedApp], batch: int) -> None:
    for first in range(0, len(made), batch):
        await store.record_new("bench", made[first : first + batch])


def _made(plan: PipelinePlan, number: int, count: int) -> RecordedApp:
    findings = findings_of(number, count)
    spec = plan.app_spec(plan.apps[number])
    reports = [report_of(spec, kind, findings[at::4]) for at, kind in enumerate(AnalyzerKind)]
    return RecordedApp(
        spec=spec,
        subtasks=tuple((outcome_of(report), report) for report in reports),
        outcome=AppOutcome(ref=spec.ref, state=MeasurementState.MEASURED),
        weaknesses=tuple(weaknesses_of(findings)),
    )


def queries() -> Iterator[tuple[str, FindingsQuery]]:
    """What people ask."""
    base = FindingsQuery(pipeline_id="bench")
    model, app = "vendor/model-3", AppRef(model="vendor/model-3", app_number=5)
    for name, filters in {
        "all": {},
        "high and worse": {"severities": (Severity.CRITICAL, Severity.HIGH)},
        "low": {"severities": (Severity.LOW,)},
        "model": {"models": (model,)},
        "model, security": {"models": (model,), "categories": (Category.SECURITY,)},
        "app": {"apps": (app,)},
        "tool": {"tools": (TOOLS[2],)},
        "rare tool": {"tools": (TOOLS[27],)},
        "two tools, high": {"tools": TOOLS[:2], "severities": (Severity.HIGH,)},
        "cwe": {"cwe": (89,)},
        "rare cwe": {"cwe": (1333,)},
        "cwe, model, high": {"cwe": (79,), "models": (model,), "severities": (Severity.HIGH,)},
        "owasp": {"owasp": ("A10",)},
        "family": {"families": ("family-22",)},
        "new": {"baselines": (BaselineState.NEW,)},
        "unknown": {"baselines": (BaselineState.UNKNOWN,)},
        "quality, sure": {
            "categories": (Category.QUALITY,),
            "confidences": (Confidence.HIGH,),
        },
        "rule": {"rules": (f"{TOOLS[1]}.rule-20",), "categories": (Category.SECURITY,)},
    }.items():
        yield name, base.model_copy(update=filters)


async def timed(call: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Milliseconds of each round."""
    spent: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - begun) * 1_000)
    return spent


async def measure(store: SqlResultStore, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of the reads; of a page also of one far behind the first."""
    found = {
        "overview": figures(await timed(lambda: store.overview("bench"), rounds)),
        "list of pipelines": figures(await timed(store.list_pipelines, rounds)),
    }
    every: list[float] = []
    for name, query in queries():
        first = await store.findings_page(query.model_copy(update={"limit": 1_000}))
        far = query.model_copy(update={"after": first.after or ""})
        spent = await timed(lambda query=query: store.findings_page(query), rounds)
        spent += await timed(lambda far=far: store.findings_page(far), rounds)
        every += spent
        found[f"page: {name}"] = figures(spent)
    return found | {"page: every filter": figures(every)}


def figures(spent: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    p95 = statistics.quantiles(spent, n=20)[-1] if len(spent) > 1 else spent[0]
    return {"median_ms": round(statistics.median(spent), 1), "p95_ms": round(p95, 1)}


async def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--apps", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=100, help="per app")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=50, help="apps in one transaction")
    parser.add_argument("--url", default="")
    parser.add_argument("--fill-only", action="store_true", help="measure no reads")
    parser.add_argument("--filled", action="store_true", help="the store is filled already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        url = given.url or f"sqlite:///{folder}/assay.db"
        await upgrade(url)
        store = SqlResultStore.from_url(url)
        try:
            if not given.filled:
                rates = await fill(store, given.apps, given.findings, given.batch)
                print(json.dumps({name: round(rate) for name, rate in rates.items()}), flush=True)
            if given.fill_only:
                return
            for name, row in (await measure(store, given.rounds)).items():
                print(f"{name:28} {row['median_ms']:9} {row['p95_ms']:9}")
        finally:
            await store.close()


if __name__ == "__main__":
    recorded(__file__, lambda: asyncio.run(main()))
