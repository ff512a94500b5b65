"""Static tools on the control apps: recall, false alarms and time, of each tool and after fusion.

    python bench/bench_controls.py [--cores 2] [--json]

Recall counts the weaknesses of the answer sheets (`controls/labels`) for which a tool has a finding
of the same family within three lines. False alarms are security findings on the clean apps. The
time is that of one full-stack app through the service, with tools side by side within the CPU
budget, compared with the same tools one after another in the same run. Canaries were seen before,
and nothing comes from a cache.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.wire.uploads import digest_folder
from analyzers.static.fusion import fuse
from analyzers.static.tools import TOOLS
from bench.recording import recorded
from clients.analyzers.archive import read_report
from contract.analysis import AnalyzerReport, Confidence, MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from reports.labels import security
from tests.support.control_scores import CLEAN, CONTROLS, FLAWED, met, sheet
from tests.support.static_run import TOOLS_DIR

STATIC = AnalyzerKind.STATIC
FULL_STACK = "careless-1/app2"


async def measure(service: Service, app: str, *tools: str) -> tuple[AnalyzerReport, float]:
    """The report on one control app, and the seconds from request to result."""
    folder = CONTROLS / app
    request = SubtaskRequest(
        subtask_id=f"bench/{app}/{'-'.join(tools) or 'all'}/{time.monotonic_ns()}",
        analyzer=STATIC,
        ref=AppRef(model=app.partition("/")[0], app_number=int(app[-1])),
        source=SourceRef(path=str(folder), digest=digest_folder(folder)),
        tools=tools,
        cache=False,
    )
    start = time.monotonic()
    job = await service.jobs.submit(request)
    while not job.ended:
        await job.wait_for_change(1)
    spent_s = time.monotonic() - start
    if job.failure is not None:
        raise SystemExit(f"{app}: {job.failure}")
    report = read_report(service.jobs.archive(job))
    await service.jobs.acknowledge(job.subtask_id)
    return report, spent_s


def scores(reports: dict[str, AnalyzerReport]) -> dict[str, Any]:
    """Recall and false alarms by tool and fused; tools that were not measured are named."""
    wanted = sum(len(sheet(app).weaknesses) for app in FLAWED)
    table: dict[str, Any] = {}
    for name in (*(tool.name for tool in TOOLS), "fused", "fused, without low"):
        found = {app: _findings(report, name) for app, report in reports.items()}
        hits = sum(len(met(app, found[app])) for app in FLAWED)
        alarms = [item for app in CLEAN for item in security(found[app])]
        high = sum(item.confidence is Confidence.HIGH for item in alarms)
        table[name] = {"met": hits, "false": len(alarms), "false_high": high}
    missed = {
        app: sorted({one.id for one in sheet(app).weaknesses} - met(app, reports[app].fused))
        for app in FLAWED
    }
    unmeasured = {
        app: {
            cell.tool: cell.reason
            for cell in report.tools
            if cell.state is MeasurementState.INFRA_FAILED
        }
        for app, report in reports.items()
    }
    return {"labels": wanted, "tools": table, "missed": missed, "unmeasured": unmeasured}


def _findings(report: AnalyzerReport, name: str) -> list[Any]:
    if name.startswith("fused"):
        keep_low = name == "fused"
        return [one for one in report.fused if keep_low or one.confidence is not Confidence.LOW]
    return [one for cell in report.tools if cell.tool == name for one in cell.findings]


async def bench(cores: float) -> dict[str, Any]:
    """Scores of all control apps, then the two times of the full-stack one."""
    with tempfile.TemporaryDirectory() as data:
        options = ServiceOptions(Path(data), TOOLS_DIR, cpu_budget=cores)
        service = Service(STATIC, TOOLS, options, fuse)
        await service.start()
        try:
            reports = {app: (await measure(service, app))[0] for app in (*FLAWED, *CLEAN)}
            together_s = (await measure(service, FULL_STACK))[1]
            alone = {
                tool.name: (await measure(service, FULL_STACK, tool.name))[1] for tool in TOOLS
            }
        finally:
            await service.stop()
    one_by_one_s = sum(alone.values())
    return scores(reports) | {
        "cores": cores,
        "load": os.getloadavg()[0],
        "service_s": round(together_s, 2),
        "one_after_another_s": round(one_by_one_s, 2),
        "ratio": round(together_s / one_by_one_s, 2),
        "tool_s": {name: round(spent_s, 2) for name, spent_s in alone.items()},
    }


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    wanted = result["labels"]
    lines = [f"{'tool':<20}{'recall':>14}{'false alarms':>14}{'of high confidence':>20}"]
    for name, row in result["tools"].items():
        recall = f"{row['met']}/{wanted} {row['met'] / wanted:.0%}"
        lines.append(f"{name:<20}{recall:>14}{row['false']:>14}{row['false_high']:>20}")
    lines.append(
        f"\n{FULL_STACK}: {result['service_s']} s through the service on {result['cores']:g} cores,"
        f" {result['one_after_another_s']} s one after another (ratio {result['ratio']},"
        f" load {result['load']:.1f})"
    )
    return "\n".join(lines)


def main() -> None:
    """Print the table, then the same as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", type=float, default=2.0)
    parser.add_argument("--json", action="store_true", help="JSON alone")
    options = parser.parse_args()
    result = asyncio.run(bench(options.cores))
    if not options.json:
        print(table(result))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    recorded(__file__, main)
