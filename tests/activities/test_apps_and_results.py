"""The host's janitor, a failed start, and the store's activities."""

import asyncio
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

import activities.apps
import activities.preflight
from activities import ownership
from activities.apps import AppActivities
from activities.preflight import PreflightActivities
from activities.results import ResultActivities
from analyzers.performance.lock import host_lock
from contract.analysis import Coverage, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.missing import unmeasured
from contract.outcome import SubtaskOutcome, ToolSummary
from contract.plan import AppEntry, AppResult, PlanHeader, UnendedApps, pages_of
from contract.progress import PlatformService
from contract.quiet import undisturbed
from contract.record import CellRecord, PipelineRecord
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp
from tests.activities.fakes import (
    APP,
    FakeArtifacts,
    FakeGateway,
    FakeResults,
    FakeRuntime,
    archive,
    environment,
    given_up,
    owner,
    report,
)
from workflows.planning import is_answered, is_fault

STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
TEARDOWN = f"teardown {APP.workflow_id}"


async def test_a_start_that_the_platform_failed_leaves_nothing() -> None:
    runtime = FakeRuntime()
    runtime.fault = PlatformError(ErrorCode.FAILED_PRECONDITION, "no container engine")

    with pytest.raises(ApplicationError, match="no container engine"):
        await environment()[0].run(AppActivities(runtime).start_app, APP)

    assert runtime.log == ["start run-1", TEARDOWN]


async def test_a_build_that_the_platform_failed_leaves_nothing() -> None:
    runtime = FakeRuntime()
    runtime.fault = PlatformError(ErrorCode.FAILED_PRECONDITION, "no container engine")

    with pytest.raises(ApplicationError, match="no container engine"):
        await environment()[0].run(AppActivities(runtime).prepare_app, APP)

    assert runtime.log == ["prepare run-1", TEARDOWN]


@pytest.mark.parametrize("name", ["prepare_app", "start_app"])
async def test_builds_and_starts_give_way_to_a_load_test_and_a_pause_holds_them_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    runtime, lock, paused = FakeRuntime(), tmp_path / "lock", asyncio.Event()

    async def is_held() -> bool:
        return paused.is_set()

    monkeypatch.setattr(ownership, "is_held", is_held)
    work = getattr(AppActivities(runtime, load_lock=lock), name)
    async with host_lock(lock, 5, "an app"):
        env, beats = environment()
        run = asyncio.create_task(env.run(work, APP))
        assert not (await asyncio.wait([run], timeout=1.5))[0]
        assert runtime.log == []
        assert beats[-1].message == "gives way to a load test on this host"
        assert not beats[-1].begun
        paused.set()
    with pytest.raises(ApplicationError, match="paused"):
        await run
    assert runtime.log == []
    paused.clear()
    await environment()[0].run(work, APP)
    assert len(runtime.log) == 1


async def test_a_load_test_waits_for_a_build_and_not_for_an_app_that_is_long_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.apps, "START_BUSY_S", 0.2)
    runtime, lock = FakeRuntime(), tmp_path / "lock"
    runtime.block = True  # once it is built
    env, _ = environment()
    run = asyncio.create_task(env.run(AppActivities(runtime, load_lock=lock).start_app, APP))
    while not runtime.log:
        await asyncio.sleep(0.01)
    async with host_lock(lock, 5, "an app"):
        async with undisturbed(lock, 0.0) as alone:
            assert not alone
        async with undisturbed(lock, 5.0) as alone:
            assert alone
    assert not run.done()
    env.cancel(given_up("worker_shutdown"))
    with pytest.raises(asyncio.CancelledError):
        await run


async def cancelled_start(
    why: str, client: Client | None = None, workflow_id: str = "test"
) -> list[str]:
    """What the runtime was asked when a start was cancelled for `why`."""
    runtime = FakeRuntime()
    runtime.block = True
    env, _ = environment(client=client, workflow_id=workflow_id)
    run = asyncio.create_task(env.run(AppActivities(runtime).start_app, APP))
    while not runtime.log:
        await asyncio.sleep(0)
    env.cancel(given_up(why))
    with pytest.raises(asyncio.CancelledError):
        await run
    return runtime.log


async def test_a_start_that_a_person_cancelled_leaves_nothing() -> None:
    assert await cancelled_start("cancel_requested") == ["start run-1", TEARDOWN]


async def test_a_start_is_left_to_the_next_attempt_when_the_worker_shuts_down() -> None:
    assert await cancelled_start("worker_shutdown") == ["start run-1"]


@pytest.mark.parametrize("why", ["not_found", "timed_out", "reset", "paused"])
async def test_a_stale_attempt_leaves_the_app_to_the_next_one_while_its_workflow_runs(
    temporal_client: Client, why: str
) -> None:
    async with owner(temporal_client, runs=True) as workflow_id:
        assert await cancelled_start(why, temporal_client, workflow_id) == ["start run-1"]


async def test_a_start_whose_workflow_was_terminated_leaves_nothing(
    temporal_client: Client,
) -> None:
    async with owner(temporal_client, runs=False) as workflow_id:
        log = await cancelled_start("not_found", temporal_client, workflow_id)

    assert log == ["start run-1", TEARDOWN]


async def test_the_janitor_spares_running_workflows_alone(temporal_client: Client) -> None:
    tag = uuid.uuid4().hex
    for name in ("runs", "ended"):
        await temporal_client.start_workflow("Nobody", id=f"{name}-{tag}", task_queue=tag)
    await temporal_client.get_workflow_handle(f"ended-{tag}").terminate()
    runtime = FakeRuntime()
    runtime.owned = [f"runs-{tag}", f"ended-{tag}", f"never-{tag}"]
    env, _ = environment(client=temporal_client)

    swept = await env.run(AppActivities(runtime).sweep_host)

    assert swept.kept == (f"runs-{tag}",)
    assert runtime.log == [f"teardown ended-{tag}", f"teardown never-{tag}"]
    await temporal_client.get_workflow_handle(f"runs-{tag}").terminate()


async def test_one_leftover_that_stays_does_not_hold_up_the_sweep(
    temporal_client: Client,
) -> None:
    tag = uuid.uuid4().hex
    runtime = FakeRuntime()
    runtime.owned = [f"stuck-{tag}", f"gone-{tag}"]
    runtime.stuck = {f"stuck-{tag}"}
    env, _ = environment(client=temporal_client)

    with pytest.raises(ApplicationError, match=f"1 owners not removed; stuck-{tag}: volume busy"):
        await env.run(AppActivities(runtime).sweep_host)

    assert runtime.log == [f"teardown stuck-{tag}", f"teardown gone-{tag}"]


async def test_preflight_names_tools_and_blind_ones_and_a_dead_analyzer_is_an_answer(
    tmp_path: Path,
) -> None:
    preflight = PreflightActivities(FakeGateway(tmp_path, report()), {}).preflight

    kinds = [STATIC, DYNAMIC, AnalyzerKind.AI]
    static, dynamic, ai = (await environment()[0].run(preflight, kinds, [])).analyzers

    assert (static.ok, static.tools, static.blind) == (True, ("bandit", "ruff"), ("ruff",))
    assert (dynamic.ok, dynamic.reason) == (False, "it does not take work")
    assert (ai.ok, ai.reason) == (False, "connection refused")


async def test_preflight_probes_the_engine_and_the_store_and_silence_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(activities.preflight, "PROBE_S", 0.01)
    engine = FakeRuntime()
    engine.fault = PlatformError(ErrorCode.UNAVAILABLE, "the Docker daemon does not answer")
    probes = {PlatformService.ENGINE: engine.probe, PlatformService.STORE: hangs}
    preflight = PreflightActivities(FakeGateway(tmp_path, report()), probes).preflight

    answer = await environment()[0].run(preflight, [], list(PlatformService))
    engine.fault = None
    again = await environment()[0].run(preflight, [], [PlatformService.ENGINE])

    assert answer.verdicts() == {
        "engine": "the Docker daemon does not answer",
        "store": "did not answer within 0 s",
    }
    assert again.verdicts() == {"engine": ""}


async def test_a_subtask_is_recorded_with_the_report_of_its_archive() -> None:
    artifacts, results = FakeArtifacts([]), FakeResults()
    ref = await artifacts.put_bytes(archive(report()), "static.tar")
    lost = unmeasured(APP, STATIC, MeasurementState.INFRA_FAILED, "lost")
    record = ResultActivities(results, artifacts).record_subtask

    await environment()[0].run(record, APP, lost)
    await environment()[0].run(record, APP, lost.model_copy(update={"report": ref}))

    assert results.subtasks == [("p/m/app1/static", None), ("p/m/app1/static", report())]


async def test_a_result_that_cannot_be_read_is_recorded_as_missing_with_the_reason() -> None:
    artifacts, results = FakeArtifacts([]), FakeResults()
    ref = await artifacts.put_bytes(b"not a tar", "static.tar")
    outcome = SubtaskOutcome(
        subtask_id="p/m/app1/static",
        analyzer=STATIC,
        tools=(
            ToolSummary(tool="bandit", state=MeasurementState.MEASURED, findings=3),
            ToolSummary(tool="ruff", state=MeasurementState.APP_FAILED, reason="no Python"),
        ),
        report=ref,
        tool_seconds=2.0,
    )
    record = ResultActivities(results, artifacts).record_subtask

    recorded = await environment()[0].run(record, APP, outcome)

    assert recorded is not None
    bandit, ruff = recorded.tools
    assert bandit.state is MeasurementState.INFRA_FAILED
    assert "lost before it was recorded: result archive" in bandit.reason
    assert ruff == outcome.tools[1]
    assert (recorded.report, recorded.tool_seconds, recorded.wasted_seconds) == (None, 0.0, 2.0)
    assert results.subtasks == [("p/m/app1/static", None)]


async def test_the_workflow_learns_what_an_earlier_run_measured_and_still_stands() -> None:
    results = FakeResults()
    bandit = ToolSummary(tool="bandit", state=MeasurementState.MEASURED)
    ruff = ToolSummary(tool="ruff", state=MeasurementState.INFRA_FAILED, reason="lost")
    results.stands = (bandit, ruff)
    again = APP.model_copy(update={"tools": {STATIC: ("bandit", "ruff")}})
    lost = unmeasured(again, STATIC, MeasurementState.INFRA_FAILED, "lost", "UNAVAILABLE")
    record = ResultActivities(results, FakeArtifacts([])).record_subtask

    recorded = await environment()[0].run(record, APP, lost)

    assert recorded is not None
    assert recorded.tools == (bandit, ruff)
    assert (is_fault(recorded), is_answered(recorded)) == (True, False), "now, it failed"


def cell_of(number: int, tool: str, state: MeasurementState) -> CellRecord:
    """A cell of `m/app{number}` as the store has it."""
    whole = ToolReport(
        tool=tool, state=MeasurementState.MEASURED, coverage=Coverage(unit="files", reached=1)
    )
    lost = ToolReport(tool=tool, state=MeasurementState.INFRA_FAILED, reason="it crashed")
    return CellRecord(
        ref=AppRef(model="m", app_number=number),
        analyzer=STATIC,
        report=whole if state is MeasurementState.MEASURED else lost,
        tool_seconds=2.0,
    )


PLAN = PipelinePlan(
    pipeline_id="p",
    spec=PipelineSpec(apps=AppsSpec(root="/apps"), analyzers=(STATIC, DYNAMIC)),
    apps=(PlannedApp(ref=APP.ref, source=APP.source),),
)


@pytest.mark.parametrize("state", [None, MeasurementState.MEASURED])
async def test_what_an_app_recorded_before_its_end_is_not_overwritten(
    state: MeasurementState | None,
) -> None:
    results = FakeResults()
    results.header = PlanHeader.of(PLAN)
    cells = {STATIC: {"bandit": MeasurementState.MEASURED}}
    found = AppResult.of(state or MeasurementState.INFRA_FAILED, "", cells)
    results.entries = [AppEntry(position=0, app=PLAN.apps[0], state=state, result=found)]
    skipped = UnendedApps(
        pipeline_id="p", positions=(0,), tools={DYNAMIC: ("zap", "nuclei")}, reason="terminated"
    )

    record = ResultActivities(results, FakeArtifacts([])).record_skipped
    await environment()[0].run(record, skipped)

    assert results.subtasks == [("p/m/app1/dynamic", None)]
    assert results.apps == (["p/m/app1"] if state is None else []), "its own state stands"


async def test_what_is_recorded_of_one_app_is_read_back() -> None:
    measured, lost = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED
    cells = (
        cell_of(1, "bandit", measured),
        cell_of(1, "ruff", lost),
        cell_of(2, "bandit", measured),
    )
    results = FakeResults(PipelineRecord(pipeline_id="p", state="running", cells=cells))
    read = ResultActivities(results, FakeArtifacts([])).recorded_subtasks
    only_ruff = APP.model_copy(update={"tools": {STATIC: ("ruff",)}})

    (subtask,) = await environment()[0].run(read, only_ruff)

    assert [(tool.tool, tool.state) for tool in subtask.tools] == [
        ("bandit", measured),
        ("ruff", lost),
    ]
    assert subtask.tool_seconds == 2.0, "bandit was measured in an earlier run"


async def test_a_store_that_is_gone_is_retried_and_another_plan_is_not() -> None:
    activities = ResultActivities(FakeResults(), FakeArtifacts([]))

    with pytest.raises(ApplicationError) as gone:
        await environment()[0].run(activities.record_pipeline_state, "p", "running", {})
    with pytest.raises(ApplicationError) as other:
        header, (page,) = PlanHeader.of(PLAN), pages_of(PLAN)
        await environment()[0].run(activities.register_page, header, page)
    with pytest.raises(ApplicationError) as unknown:
        await environment()[0].run(activities.apps_to_retry, "p", ["m/app9"])

    assert (gone.value.type, gone.value.non_retryable) == ("UNAVAILABLE", False)
    assert (other.value.type, other.value.non_retryable) == ("ALREADY_EXISTS", True)
    assert (unknown.value.type, unknown.value.non_retryable) == ("INVALID_ARGUMENT", True)
