"""A performance tool's run on a server of ours, with a lock of its own."""

from pathlib import Path
from typing import Any

import pytest

from analyzers.performance import series
from analyzers.performance.host import HostLoad
from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import Calibration, LoadPlan, LoadResult, StepResult
from analyzers.performance.site import Site
from analyzers.performance.tools.openloop import OpenLoop
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import Command, Completed, Parsed, SourceTree, ToolRun
from contract.analysis import SubtaskRequest, Target
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from contract.template import TemplateSpec

SHORT = {"rates": "40", "step_s": 0.3, "warmup_s": 0, "timeout_s": 5}


def run_of(tmp_path: Path, url: str, template: TemplateSpec | None = None, **options) -> ToolRun:
    """A short load test of the server at `url`."""
    given = {"calm_wait_s": 0, **SHORT, **options}
    return _run(tmp_path, url, AnalyzerKind.PERFORMANCE, template, given)


def scan_of(tmp_path: Path, url: str, **options) -> ToolRun:
    """A scan of the server at `url`."""
    return _run(tmp_path, url, AnalyzerKind.DYNAMIC, None, options)


def _run(
    tmp_path: Path,
    url: str,
    kind: AnalyzerKind,
    template: TemplateSpec | None,
    options: dict[str, Any],
) -> ToolRun:
    folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    workspace, source = folder / "workspace", folder / "source"
    workspace.mkdir(parents=True)
    source.mkdir()
    request = SubtaskRequest(
        subtask_id=f"p/m/app1/{kind}",
        analyzer=kind,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(source), digest="d"),
        targets=(Target(service="app", base_url=url),),
        template=template,
        options=options,
    )
    return ToolRun(request, SourceTree(source, ()), workspace, tmp_path)


def site_of(run: ToolRun) -> Site:
    """A lock of this test's own: `run_of` puts all its folders below one."""
    return Site(lock_file=run.workspace.parents[1] / "lock")


async def measure(run: ToolRun, site: Site | None = None) -> Parsed:
    return await OpenLoop(site or site_of(run)).run(run, Runner(run.workspace))


class NearRunner(Runner):
    """Runs the load generator in this process, and everything else as usual.

    To start it takes ten times as long as to send the few requests of a test that asks what is
    loaded. Tests of what is measured start it as a process of its own.
    """

    async def __call__(self, command: Command) -> Completed:
        if "analyzers.performance.openloop" not in command.argv:
            return await super().__call__(command)
        plan, result = map(Path, command.argv[-2:])
        loaded = await run_plan(LoadPlan.model_validate_json(plan.read_bytes()))
        output = loaded.model_dump_json().encode()
        result.write_bytes(output)
        return Completed(command.argv, 0, b"", b"", output, 0.1)


async def measure_near(run: ToolRun, site: Site | None = None) -> Parsed:
    return await OpenLoop(site or site_of(run)).run(run, NearRunner(run.workspace))


def figures(parsed: Parsed, target: str = "GET /") -> dict[str, float]:
    return {one.name: one.value for one in parsed.metrics if one.target == target}


def calibration(*rates: float, broke: str = "") -> Calibration:
    """A series that held `rates`, or none of them if it `broke`."""
    steps = tuple(
        StepResult(
            rate=rate, sent=20, completed=20, completed_in_window=20, window_s=1, broke=broke
        )
        for rate in rates
    )
    result = LoadResult(url="http://calibration/", steps=steps, requests=20)
    return Calibration(series=result, ceiling=900)


def calibrated(monkeypatch: pytest.MonkeyPatch, found: Calibration) -> None:
    async def calibrate(*_: object) -> Calibration:
        return found

    monkeypatch.setattr(series, "calibrate", calibrate)


def quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of a single behaviour waits for a calibration, or for this machine to be calm."""
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ())
    calibrated(monkeypatch, calibration(5_000))
