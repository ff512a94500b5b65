"""How close a fleet's makespan is to its lower bound, and how many load figures are contended.

    python bench/bench_makespan.py [--apps 4] [--parallelism 4] [--all-tools] [--steps]

The benchmark runs the bundled fleet (with `--apps 12` also eight small apps as people write them)
through a local stack of its own, after the canaries were seen. It runs the fleet twice: cold (the
engine has no image of it) and warm (it has them). No report comes from a cache. It needs a
container engine.

The lower bound follows from what the run itself recorded, for one host:

- **exclusive**: seconds of the tools that need the host alone: `openloop`, `loadtest`,
  `lighthouse`. They run one at a time, and nothing else may run beside them.
- **cores**: processor seconds of all other tools, and one core for the time of each build, divided
  by the cores of the host.
- **scans**: seconds of the dynamic analyses, divided by their slots. Each counts with its longest
  chain of tools that wait for one another (tools that write to the app run one by one).
- **path**: build, start and scan of the app for which the sum is longest.

Nothing else runs during the exclusive seconds, so bound = exclusive + max(cores, scans, path). The
makespan is the time from the pipeline's start to its end, report included. Only a few tools of each
kind run, with tighter limits than by default (steps of half a second, two operations, scans of some
seconds), so that a run takes minutes. Fixed costs therefore weigh more than in a real fleet.
`--all-tools` runs the demo as it is. `--steps` lists each step of each app: when it was scheduled,
started and ended.

Contended: the share of figures flagged `contended` among all figures that carry the flag. Another
program on this machine causes the flag, too. So `beside_load` says for which part of the time under
the host's load-test lock a tool of the static or dynamic analyzer, or a build of ours, was at work.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from analyzers.dynamic.tools import TOOLS
from analyzers.runtime.measure.weights import urgencies
from bench.recording import recorded
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.spec import AppRef
from settings import Settings
from tests.support.cases import case_app
from tests.support.makespan_stack import LoadMonitor, Shell, clean_up
from tests.support.written_report import Written, written

PROJECT = Path(__file__).resolve().parents[1]
ALONE = ("openloop", "loadtest", "lighthouse")
BUILDS = ("prepare_app",)
STARTS = ("start_app",)
SCAN_SLOTS = 4  # the default
SHOWN_S = 0.3
GOALS = {"cold": 1.25, "warm": 1.10}
OPTIONS: dict[str, dict[str, Any]] = {
    "dynamic": {"wapiti_limit_s": 10, "schemathesis_limit_s": 5},
    "performance": {
        "rates": "25,100,400",
        "step_s": 0.5,
        "max_endpoints": 2,
        "calm_wait_s": 1,
        "check_s": 1,
    },
}
# Beside the bundled four: one service and several, back ends alone, nginx in front, odd ports.
MIXED = (
    *("01-nested-default", "03-arg-chain", "07-own-nginx-conf", "09-tcp-service"),
    *("13-bom-crlf", "16-expose-lies", "19-web-is-an-api", "53-head-405"),
)
FEW_TOOLS = {
    "static": ["bandit", "pylint", "eslint", "opengrep", "syntax"],
    "dynamic": ["http-headers", "discovery", "injection", "exposed-files", "nmap"],
}


@dataclass
class Step:
    """One activity: its type, and seconds from the pipeline's start."""

    type: str
    scheduled_s: float
    started_s: float
    closed_s: float

    def __str__(self) -> str:
        times = (self.scheduled_s, self.started_s, self.closed_s)
        return f"{self.type} {' '.join(f'{one:.1f}' for one in times)}"

    @property
    def took_s(self) -> float:
        """The last attempt."""
        return self.closed_s - self.started_s


async def steps_of(client: Client, workflow_id: str, began_s: float) -> list[Step]:
    """Every activity of a workflow."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    scheduled: dict[int, HistoryEvent] = {}
    started: dict[int, float] = {}
    found: list[Step] = []
    for event in history.events:
        at_s = event.event_time.ToMicroseconds() / 1e6 - began_s
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled[event.event_id] = event
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            number = event.activity_task_started_event_attributes.scheduled_event_id
            started[number] = at_s
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            number = event.activity_task_completed_event_attributes.scheduled_event_id
            first = scheduled[number]
            type_ = first.activity_task_scheduled_event_attributes.activity_type.name
            since_s = first.event_time.ToMicroseconds() / 1e6 - began_s
            found.append(Step(type_, since_s, started[number], at_s))
    return found


async def measured(shell: Shell, pipeline_id: str) -> dict[str, Any]:
    """Makespan, bound and flags of one pipeline that has ended."""
    stack = json.loads((shell.data / "run" / "stack.json").read_text())
    client = await Client.connect(f"127.0.0.1:{stack['temporal_port']}")
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    described = await handle.describe()
    assert described.close_time and described.start_time
    began_s = described.start_time.timestamp()
    report = written(shell.data, pipeline_id)
    workflows = {
        app.ref: app_workflow_id(pipeline_id, app.ref.model, app.ref.app_number)
        for app in report.apps
    }
    steps = {app: await steps_of(client, name, began_s) for app, name in workflows.items()}
    return {
        "steps": [
            f"{app.label} {step}"
            for app, done in steps.items()
            for step in done
            if step.closed_s - step.scheduled_s > SHOWN_S
        ],
        "makespan_s": round(described.close_time.timestamp() - began_s, 1),
        **_bound(report, steps),
        **_flags(report),
        "unmeasured": sorted(
            f"{cell.ref.label} {cell.tool}: {cell.report.reason[:80]}"
            for cell in report.cells
            if cell.state is MeasurementState.INFRA_FAILED
        ),
    }


def _bound(report: Written, steps: dict[AppRef, list[Step]]) -> dict[str, Any]:
    alone_s = cores_s = 0.0
    paths: dict[AppRef, float] = {}
    scans: dict[AppRef, dict[str, float]] = {app: {} for app in steps}
    for app, done in steps.items():
        builds_s = sum(step.took_s for step in done if step.type in BUILDS)
        starts_s = sum(step.took_s for step in done if step.type in STARTS)
        paths[app] = builds_s + starts_s
        cores_s += builds_s or starts_s  # built and started in one, where nothing tells them apart
    for cell in report.cells:
        provenance = cell.report.provenance
        if cell.tool in ALONE:
            alone_s += provenance.duration_s
        else:
            cores_s += provenance.cpu_s or 0.0
        if cell.analyzer is AnalyzerKind.DYNAMIC:
            scans[cell.ref][cell.tool] = provenance.duration_s
    chains = {app: max(urgencies(TOOLS, took).values()) for app, took in scans.items()}
    path_s = max(paths[app] + chains[app] for app in paths)
    cores_s /= os.cpu_count() or 1
    scans_s = sum(chains.values()) / SCAN_SLOTS
    return {
        "exclusive_s": round(alone_s, 1),
        "cores_s": round(cores_s, 1),
        "scans_s": round(scans_s, 1),
        "path_s": round(path_s, 1),
        "bound_s": round(alone_s + max(cores_s, scans_s, path_s), 1),
    }


def _flags(report: Written) -> dict[str, Any]:
    flags = {
        (cell.tool, cell.ref, metric.target): metric.value
        for cell in report.cells
        for metric in cell.report.metrics
        if metric.name == "contended"
    }
    return {
        "flags": len(flags),
        "contended": round(sum(flags.values()) / len(flags), 3) if flags else None,
        "contended_by_tool": {
            tool: f"{sum(v for k, v in flags.items() if k[0] == tool):g}"
            f"/{sum(k[0] == tool for k in flags)}"
            for tool in sorted({key[0] for key in flags})
        },
    }


def models_of(project: Path, apps: int) -> list[Path]:
    """Folders of the models whose apps make such a fleet."""
    controls = [project / "controls/careless-1", project / "controls/careful-1"]
    mixed = [case_app(name).parent for name in MIXED]
    return {2: controls[:1], 4: controls, 12: [*controls, *mixed]}[apps]


def bench(project: Path, apps: int, parallelism: int, few_tools: bool) -> dict[str, Any]:
    """Run the fleet cold, then warm, in a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="assay-makespan-") as folder:
        shell = Shell(project, Path(folder) / "data")
        spec = yaml.safe_load((project / "controls/demo.yaml").read_text())
        root = Path(folder) / "apps"
        models = models_of(project, apps)
        root.mkdir()
        for model in models:
            (root / model.name).symlink_to(model)
        del spec["apps"]["models"], spec["apps"]["numbers"]  # all that are there
        spec["apps"] |= {"root": str(root)}
        spec["apps"] |= {"templates_dir": str(project / "controls/templates")}
        spec |= {"parallelism": parallelism, "cache": False, "controls": "off"}
        spec |= {"options": OPTIONS, "tools": FEW_TOOLS} if few_tools else {}
        file = Path(folder) / "fleet.yaml"
        file.write_text(yaml.safe_dump(spec))
        result: dict[str, Any] = {"cores": os.cpu_count(), "at": time.strftime("%H:%M")}
        try:
            shell.up()
            for name in ("cold", "warm"):
                monitor = LoadMonitor(shell)
                monitor.start()
                load = os.getloadavg()[0]
                shell.run("submit", str(file), "--id", name, "--wait")
                found = asyncio.run(measured(shell, name)) | monitor.end()
                found["ratio"] = round(found["makespan_s"] / found["bound_s"], 2)
                result[name] = found | {"load_before": round(load, 1)}
                said = {key: found[key] for key in ("makespan_s", "bound_s", "ratio", "contended")}
                print(f"{name}: {said}", file=sys.stderr, flush=True)  # a long run, cut, tells
        finally:
            shell.run("down")
            clean_up(Settings(data=shell.data).scope_name)
        return result


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    names = ("makespan_s", "bound_s", "exclusive_s", "cores_s", "scans_s", "path_s", "ratio")
    names = (*names, "contended", "beside_load")
    lines = [f"{'':<6}" + "".join(f"{name:>13}" for name in names)]
    lines += [
        f"{kind:<6}" + "".join(f"{result[kind][name] or 0:>13g}" for name in names)
        for kind in GOALS
    ]
    return "\n".join(lines)


def _interrupted(_number: int, _frame: object) -> None:
    """Stop the stack, too."""
    sys.exit(143)


def main() -> None:
    """Print the table, then the same as JSON. Exits 1 where a goal is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--apps", type=int, choices=(2, 4, 12), default=4)
    parser.add_argument("--parallelism", type=int, default=4)
    parser.add_argument("--project", type=Path, default=PROJECT, help="the checkout to measure")
    parser.add_argument("--all-tools", action="store_true", help="not a few of each kind")
    parser.add_argument("--steps", action="store_true", help="list each app's steps")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupted)
    began = time.monotonic()
    few_tools = not options.all_tools
    result = bench(options.project.resolve(), options.apps, options.parallelism, few_tools)
    for kind in GOALS:
        steps = result[kind].pop("steps")
        if options.steps:
            print(kind, *steps, sep="\n")
    result["bench_s"] = round(time.monotonic() - began)
    if not options.json:
        print(table(result))
    print(json.dumps(result, indent=1))
    sys.exit(0 if all(result[kind]["ratio"] <= goal for kind, goal in GOALS.items()) else 1)


if __name__ == "__main__":
    recorded(__file__, main)
