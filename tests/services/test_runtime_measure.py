"""What becomes of a tool's behaviour: one state each, other tools unharmed, nothing invented."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from analyzers.runtime import service
from analyzers.runtime.measure import canary, trim
from analyzers.runtime.measure.cell import MAX_BARE_BYTES
from analyzers.runtime.measure.weights import Weight
from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.tool import Canary, Command, Parsed, ToolRun
from analyzers.runtime.wire.jobs import Job
from clients.analyzers.archive import read_report
from contract.analysis import (
    AnalyzerKind,
    AnalyzerReport,
    Coverage,
    Finding,
    Location,
    Metric,
    Severity,
)
from contract.protocol import Progress
from tests.support.demo_analyzer import DemoTool, request_for

STATIC = AnalyzerKind.STATIC
Measure = Callable[..., Awaitable[AnalyzerReport]]


class Parses(DemoTool):
    """Answers what it is given, without looking."""

    canary = Canary(files={"a.py": ""})

    def __init__(self, name: str, parsed: Parsed) -> None:
        super().__init__(name)
        self.parsed = parsed

    async def run(self, run: ToolRun, execute: Any) -> Parsed:
        if run.canary:
            return Parsed(Coverage(unit="files", reached=1))
        return self.parsed


@pytest.fixture
async def measure(tmp_path: Path) -> AsyncIterator[Measure]:
    services: list[Service] = []

    async def run(*tools: Any, fuse: Any = None, **over: Any) -> AnalyzerReport:
        if not services:
            options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path)
            services.append(Service(STATIC, tools, options, fuse))
            await services[0].start()
        job: Job = await services[0].jobs.submit(request_for(tmp_path / "app", **over))
        while not job.ended:
            await job.wait_for_change(1)
        assert job.failure is None, job.failure
        report = read_report(services[0].jobs.archive(job))
        await services[0].jobs.acknowledge(job.subtask_id)
        return report

    yield run
    for one in services:
        await one.stop()


def states(report: AnalyzerReport) -> dict[str, tuple[str, str]]:
    return {cell.tool: (cell.state.value, cell.reason) for cell in report.tools}


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("app", "app_failed", "it answers 500"),
        ("not_applicable", "not_applicable", "no Python files"),
        ("tool", "infra_failed", "it crashed"),
        ("division", "infra_failed", "ZeroDivisionError: division"),
        ("exit", "infra_failed", "SystemExit: 3"),
        ("cancelled", "infra_failed", "ended without a report"),
        ("surrogate", "infra_failed", "\\ud800 is no text"),
    ],
)
async def test_each_way_to_end_is_one_state(measure: Measure, fault: str, state: str, reason: str):
    sound = Parses("sound", Parsed(Coverage(unit="files", reached=1)))
    report = await measure(DemoTool(), sound, options={"fault": fault})
    assert states(report) == {"demo": (state, reason), "sound": ("measured", "")}


async def test_a_subtask_that_is_called_like_a_canary_is_measured_as_any_other(measure: Measure):
    report = await measure(DemoTool(), subtask_id="canary/demo", options={"fault": "app"})
    assert states(report) == {"demo": ("app_failed", "it answers 500")}


class Notes(Parses):
    """Writes down that it was started."""

    def __init__(self, name: str, started: list[str]) -> None:
        super().__init__(name, Parsed(Coverage(unit="files", reached=1)))
        self.started = started

    async def run(self, run: ToolRun, execute: Any) -> Parsed:
        if not run.canary:
            self.started.append(self.name)
        return await super().run(run, execute)


async def test_the_longest_tool_starts_first_and_what_is_kept_starts_not_at_all(
    measure: Measure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    takes_s = {"short": 1.0, "longest": 9.0, "kept": 8.0, "long": 5.0}
    measured = {name: Weight(cores=1, start_s=spent_s) for name, spent_s in takes_s.items()}

    def weights_of(_tools: Any) -> dict[str, Weight]:
        return measured

    monkeypatch.setattr(service, "measured_weights", weights_of)
    started: list[str] = []
    tools = [Notes(name, started) for name in takes_s]
    await measure(*tools, cache=False)  # all canaries are seen by then
    started.clear()
    await measure(*tools, cache=False)
    assert started == ["longest", "kept", "long", "short"]
    assert (tmp_path / "data/static/learned.json").exists()
    for path in (tmp_path / "data/static/cache").iterdir():
        if b'"tool":"kept"' not in (path / "entry.json").read_bytes():
            shutil.rmtree(path)
    started.clear()
    await measure(*tools)
    assert started == ["longest", "long", "short"]


async def test_no_coverage_is_never_a_zero(measure: Measure):
    blind = Parses("blind", Parsed(Coverage(unit="files", reached=0, given=7)))
    ((state, reason),) = states(await measure(blind)).values()
    assert state == "infra_failed"
    assert "no coverage" in reason
    assert "7 files" in reason


async def test_a_metric_that_is_no_number_is_refused(measure: Measure):
    metric = Metric(name="latency_p95", value=float("nan"), unit="ms", target="GET /")
    tool = Parses("load", Parsed(Coverage(unit="requests", reached=1), metrics=(metric,)))
    ((state, reason),) = states(await measure(tool)).values()
    assert (state, reason) == ("infra_failed", "metric latency_p95 of GET / is no number")


async def test_findings_above_the_share_of_a_tool_are_in_the_archive(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trim, "MAX_FINDINGS", 1)
    tool = DemoTool()
    finding = Finding(tool="flood", rule_id="r", message="m", severity=Severity.LOW)
    flood = Parses("flood", Parsed(Coverage(unit="files", reached=1), findings=(finding,) * 3))
    demo, cut = (await measure(tool, flood)).tools
    assert (len(demo.findings), demo.attachments) == (1, ())
    assert (len(cut.findings), cut.attachments) == (1, ("findings.jsonl",))
    assert cut.metrics[0].value == 3.0


async def test_a_finding_in_a_file_that_is_not_there_is_in_none(measure: Measure):
    found = Finding(tool="judge", rule_id="r", message="m", severity=Severity.LOW)
    both = tuple(
        found.model_copy(update={"location": Location(path=path, line=1)})
        for path in ("./app.py", "invented.py")
    )
    judge = Parses("judge", Parsed(Coverage(unit="files", reached=1), findings=both))
    (cell,) = (await measure(judge)).tools

    assert [one.location.path for one in cell.findings] == ["app.py", None]
    assert "invented.py" in cell.findings[1].message


async def test_a_report_that_is_all_data_is_refused(measure: Measure):
    data = {"all": "x" * MAX_BARE_BYTES}
    tool = Parses("dump", Parsed(Coverage(unit="files", reached=1), data=data))
    ((state, reason),) = states(await measure(tool)).values()
    assert (state, "bytes beside its findings" in reason) == ("infra_failed", True)


async def test_a_tool_that_misses_its_canary_is_not_believed(measure: Measure):
    tool = DemoTool(canary=Canary(files={"a.py": "1\n"}, expect=frozenset({"eval"})))
    ((state, reason),) = states(await measure(tool)).values()
    assert (state, reason) == (
        "infra_failed",
        "canary not seen: eval not among its 0 findings",
    )
    assert tool.runs == 0


async def test_a_tool_that_is_not_installed_says_so(measure: Measure):
    class Missing(DemoTool):
        async def version(self, run: ToolRun, execute: Any) -> str:
            return str(await execute(Command(("/nowhere/tool", "--version"))))

    ((state, reason),) = states(await measure(Missing())).values()
    assert state == "infra_failed"
    assert "/nowhere/tool: No such file or directory: is the tool installed?" in reason


async def test_the_deadline_ends_what_is_not_done(measure: Measure):
    sound = Parses("sound", Parsed(Coverage(unit="files", reached=1)))
    report = await measure(DemoTool(), sound, options={"sleep_s": 60}, deadline_s=1.5)
    found = states(report)
    assert found["sound"][0] == "measured"
    assert found["demo"] == ("infra_failed", "deadline of 1.5 s")


async def test_an_unknown_tool_is_a_cell_and_only_asked_tools_run(measure: Measure):
    report = await measure(DemoTool("a"), DemoTool("b"), tools=("b", "zap"))
    assert states(report) == {
        "b": ("measured", ""),
        "zap": ("infra_failed", "unknown tool; static has a, b"),
    }


async def test_fusion_that_fails_is_a_cell_and_harms_no_tool(measure: Measure):
    def fuse(_cells: Any) -> Any:
        raise KeyError("x")

    found = states(await measure(DemoTool(), fuse=fuse))
    assert found == {"demo": ("measured", ""), "fusion": ("infra_failed", "KeyError: 'x'")}


async def test_an_unchanged_app_comes_from_the_cache(measure: Measure, tmp_path: Path):
    tool = DemoTool()
    first = await measure(tool, options={"attach_bytes": 10})
    second = await measure(tool, options={"attach_bytes": 10})
    assert tool.runs == 1
    cell = second.tools[0]
    assert cell.provenance.cached_from is not None
    assert (cell.findings, cell.attachments) == (first.tools[0].findings, ("big-file.bin",))
    assert second.tool_seconds == 0.0
    await measure(tool, options={"attach_bytes": 10}, cache=False)
    await measure(tool, options={"attach_bytes": 11})
    (tmp_path / "app/app.py").write_text("eval(other)\n")
    await measure(tool, options={"attach_bytes": 10})
    assert tool.runs == 4


async def test_progress_tells_work_from_waiting_and_a_cached_tool_never_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Three tools on one core: one works while two wait; from the cache nobody works."""
    told: list[Progress] = []
    tell = Job.on_progress
    monkeypatch.setattr(Job, "on_progress", lambda job, one: told.append(one) or tell(job, one))
    options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path, cpu_budget=1.0)
    service = Service(STATIC, [DemoTool(name) for name in "abc"], options)
    await service.start()

    async def run() -> list[Progress]:
        told.clear()
        job = await service.jobs.submit(request_for(tmp_path / "app"))
        while not job.ended:
            await job.wait_for_change(1)
        await service.jobs.acknowledge(job.subtask_id)
        return [*told]

    first, second = await run(), await run()
    await service.stop()

    assert {one.running for one in first} == {(), ("a",), ("b",), ("c",)}
    assert {len(one.waiting) for one in first if one.running} >= {1, 2}
    assert {one.running for one in second} == {()}


async def test_a_tool_that_waits_for_others_is_told_to_wait_and_spends_no_time(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
):
    told: list[Progress] = []
    tell = Job.on_progress
    monkeypatch.setattr(Job, "on_progress", lambda job, one: told.append(one) or tell(job, one))

    class Waits(DemoTool):
        async def behave(self, run: ToolRun, execute: Any) -> None:
            with run.waiting():
                run.progress("waits for the lock")
                await asyncio.sleep(0.5)

    (cell,) = (await measure(Waits())).tools

    (waits,) = (one for one in told if "waits for the lock" in one.message)
    assert (waits.running, waits.waiting) == ((), ("demo",))
    assert ("demo",) in {one.running for one in told}
    assert cell.provenance.duration_s < 0.5


async def test_a_report_its_tool_does_not_trust_is_measured_again(measure: Measure):
    untrusted = Parsed(Coverage(unit="files", reached=1), fresh_for=timedelta(0))
    tool = Parses("judge", untrusted)
    await measure(tool)
    assert (await measure(tool)).tools[0].provenance.cached_from is None


async def test_failures_are_not_cached(measure: Measure):
    tool = DemoTool()
    await measure(tool, options={"fault": "tool"})
    await measure(tool, options={"fault": "tool"})
    assert tool.runs == 2


async def test_what_a_cached_tool_hands_on_is_there_for_later_tools(measure: Measure):
    class Finds(DemoTool):
        async def run(self, run: ToolRun, execute: Any) -> Parsed:
            parsed = await super().run(run, execute)
            run.shared[self.name] = ["/route"]
            return parsed

    class Reads(DemoTool):
        async def run(self, run: ToolRun, execute: Any) -> Parsed:
            seen.append(run.shared.get("finds"))
            return await super().run(run, execute)

    seen: list[Any] = []
    tools = (Reads("reads", after=("finds",)), Finds("finds"))
    await measure(*tools, tools=("finds",))
    await measure(*tools)
    assert seen[-1] == ["/route"]
    assert tools[1].runs == 1


async def test_a_live_canary_is_served(tmp_path: Path):
    class Echo(DemoTool):
        canary = Canary(
            serve={"GET /q": (200, {"X-A": "1"}, "<p>{query:name}</p>")}, expect=frozenset({"xss"})
        )

        async def run(self, run: ToolRun, execute: Any) -> Parsed:
            async with httpx.AsyncClient(trust_env=False) as client:
                url = f"{run.request.targets[0].base_url}/q"
                answer = await client.get(url, params={"name": "<b>&"})
            answers.append((answer.text, answer.headers["X-A"]))
            return Parsed(Coverage(unit="urls", reached=1))

    answers: list[tuple[str, str]] = []
    options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path)
    service = Service(AnalyzerKind.DYNAMIC, (Echo("echo"),), options)
    verdict = await service.canaries.proven("echo")
    assert answers == [("<p><b>&</p>", "1")]
    assert verdict.reason == "canary not seen: xss not among its 0 findings"
    await service.stop()


async def test_verdicts_outlive_a_restart_and_are_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(canary, "WATCH_S", 0.01)
    options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path)
    first = Service(STATIC, (DemoTool(),), options)
    assert not first.health().ok
    assert first.health().reason == "starting: canaries of 0 of 1 tools done"
    assert first.health().starting
    await first.canaries.proven("demo")
    assert first.health().ok
    await first.stop()
    tool = DemoTool(canary=Canary(files={"a.py": ""}, expect=frozenset({"eval"})))
    second = Service(STATIC, (tool,), options)
    assert second.health().ok  # at once, from disk
    assert (await second.canaries.proven("demo")).ok
    second.canaries.start()
    while second.health().tools[0].ok:
        await asyncio.sleep(0.05)
    assert second.health().ok  # it still takes work: its cells say why they are not measured
    assert second.health().tools[0].reason.startswith("canary not seen")
    await second.stop()
