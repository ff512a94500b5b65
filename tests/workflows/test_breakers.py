"""A platform that is down: wait for it, go on without it, or end; never a zero."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.analysis import MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.outcome import SubtaskOutcome
from contract.progress import PipelinePhase, PlatformService
from contract.running import StartOutcome
from contract.spec import AppSpec, BreakerSpec
from tests.workflows.fake_platform import PATIENCE_S, FakePlatform, blocks, fails, finished, until
from tests.workflows.test_pipeline_runs import build_fails
from workflows import policies

STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
MEASURED = MeasurementState.MEASURED
INFRA_FAILED = MeasurementState.INFRA_FAILED


async def test_no_child_is_created_while_an_analyzer_is_down(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd")
    platform.down[DYNAMIC] = "connection refused"

    handle = await platform.start(client)
    progress = await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    await asyncio.sleep(0.4)
    assert platform.count("run") == platform.count("start") == 0
    assert "dynamic (connection refused)" in progress.message
    platform.down.clear()

    assert (await finished(handle)).counts == {MEASURED: 2}


async def test_an_analyzer_that_stays_down_costs_its_own_cells_only(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.3)
    platform = FakePlatform(apps=2, analyzers="sd", breaker=breaker)
    platform.down[DYNAMIC] = "connection refused"

    result = await platform.run(client)

    assert result.phase is PipelinePhase.COMPLETED
    for number in (1, 2):
        assert platform.cells(number) == {"static": MEASURED, "dynamic": INFRA_FAILED}
        cell = platform.subtasks[f"{platform.id}/m/app{number}/dynamic"].tools[0]
        assert cell.tool == "*", "it never told its tools"
        assert cell.reason == "analyzer dynamic is down: connection refused"
    assert platform.count("start") == 0, "nothing live to start the app for"


async def test_ten_minutes_of_waiting_pass_in_skipped_time(
    temporal_env: WorkflowEnvironment,
) -> None:
    platform = FakePlatform(apps=1, analyzers="sd", breaker=BreakerSpec())
    platform.down[DYNAMIC] = "connection refused"

    handle = await platform.start(temporal_env.client)

    assert (await finished(handle)).counts == {INFRA_FAILED: 1}
    assert platform.cells(1)["static"] is MEASURED


async def test_on_open_finish_does_not_wait(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="sd", breaker=BreakerSpec(on_open="finish"))
    platform.down[DYNAMIC] = "connection refused"

    await platform.run(client)

    assert platform.cells(1) == {"static": MEASURED, "dynamic": INFRA_FAILED}


async def test_with_every_analyzer_down_no_child_is_created_at_all(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.2)
    platform = FakePlatform(apps=3, analyzers="sd", breaker=breaker)
    platform.down = {STATIC: "connection refused", DYNAMIC: "connection refused"}

    result = await platform.run(client)

    assert result.phase is PipelinePhase.FAILED
    assert result.counts == {INFRA_FAILED: 3}
    assert platform.count("run") == 0
    assert platform.cells(3) == {"static": INFRA_FAILED, "dynamic": INFRA_FAILED}
    assert platform.log[-1] == "report"


async def test_a_subtask_waits_out_an_outage_that_begins_while_it_runs(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.RUN_ANALYSIS, "retry_policy", policies._retry(attempts=1))
    platform = FakePlatform(apps=1, analyzers="s")

    async def dies(request):  # type: ignore[no-untyped-def]
        platform.down[STATIC] = "connection refused"
        return await fails("UNAVAILABLE", retry=True)(request)

    platform.runs[STATIC] = dies
    handle = await platform.start(client)
    await platform.logged("end m/app1/static")
    await asyncio.sleep(0.3)
    assert platform.count("record") == 0
    platform.runs.clear()
    platform.down.clear()

    assert (await finished(handle)).counts == {MEASURED: 1}
    assert platform.count("run m/app1/static") == 2


@pytest.mark.parametrize("service", list(PlatformService))
async def test_no_child_is_created_while_a_service_it_needs_is_down(
    client: Client, service: PlatformService
) -> None:
    platform = FakePlatform(apps=2, analyzers="sd")
    platform.down[service] = "does not answer"

    handle = await platform.start(client)
    progress = await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    assert platform.count("run") == platform.count("start") == 0
    assert f"{service} (does not answer)" in progress.message
    platform.down.clear()

    assert (await finished(handle)).counts == {MEASURED: 2}


async def test_offline_work_needs_no_engine(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="sa")
    platform.down["engine"] = "does not answer"

    assert (await platform.run(client)).counts == {MEASURED: 1}


async def test_an_engine_that_stays_down_costs_the_live_cells_only(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.3)
    platform = FakePlatform(apps=1, analyzers="sdp", breaker=breaker)
    platform.down["engine"] = "does not answer"

    await platform.run(client)

    assert platform.cells(1) == {
        "static": MEASURED,
        "dynamic": INFRA_FAILED,
        "performance": INFRA_FAILED,
    }
    assert "the engine that runs apps is down" in platform.apps["m/app1"].reason


async def test_a_store_that_stays_down_ends_the_pipeline(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.3)
    platform = FakePlatform(apps=2, analyzers="s", breaker=breaker)
    platform.down["store"] = "does not answer"

    result = await platform.run(client)

    assert (result.phase, result.counts) == (PipelinePhase.FAILED, {INFRA_FAILED: 2})
    assert result.message == "the store is down: does not answer"


async def test_an_engine_that_dies_while_an_app_starts_is_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.START_APP, "retry_policy", policies._retry(attempts=1))
    platform = FakePlatform(apps=1, analyzers="d")

    def dies(app: AppSpec) -> StartOutcome:
        platform.down["engine"] = "does not answer"
        raise ApplicationError("the daemon went away", type="UNAVAILABLE")

    platform.starts[1] = dies
    handle = await platform.start(client)
    await platform.logged("start m/app1")
    await asyncio.sleep(0.3)
    assert platform.count("record") == 0
    platform.starts.clear()
    platform.down.clear()

    assert (await finished(handle)).counts == {MEASURED: 1}


async def test_an_analyzer_that_is_back_after_the_last_attempt_is_asked_once_more(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.RUN_ANALYSIS, "retry_policy", policies._retry(attempts=1))
    platform = FakePlatform(apps=1, analyzers="s")

    async def unreachable(request: SubtaskRequest) -> SubtaskOutcome:
        platform.runs.clear()
        return await fails("UNAVAILABLE", retry=True)(request)

    platform.runs[STATIC] = unreachable

    assert (await platform.run(client)).counts == {MEASURED: 1}
    assert platform.count("run m/app1/static") == 2


async def test_consecutive_faulty_apps_open_the_pipelines_breaker(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.5, pipeline_threshold=3)
    platform = FakePlatform(apps=9, analyzers="s", breaker=breaker, parallelism=1)
    platform.runs[STATIC] = fails("UNAVAILABLE", "answers health, fails work")

    result = await platform.run(client)

    assert result.phase is PipelinePhase.FAILED
    assert "breaker is open" in result.message
    assert 3 <= platform.count("record") < 9
    assert result.counts == {INFRA_FAILED: 9}
    assert "did not run" in platform.apps["m/app9"].reason


async def test_after_a_good_probe_one_app_on_trial_closes_the_breaker(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.2, wait_limit_s=30, pipeline_threshold=2)
    platform = FakePlatform(apps=6, analyzers="s", breaker=breaker, parallelism=1)
    platform.runs[STATIC] = fails("UNAVAILABLE", "fails work")

    handle = await platform.start(client)
    await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    platform.runs.clear()
    result = await finished(handle)

    assert result.phase is PipelinePhase.COMPLETED
    assert result.counts[INFRA_FAILED] >= 2
    assert result.counts[MEASURED] >= 3


async def test_a_person_can_close_a_breaker(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=3600, wait_limit_s=86_400)
    platform = FakePlatform(apps=1, analyzers="s", breaker=breaker)
    platform.down[STATIC] = "connection refused"

    handle = await platform.start(client)
    await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    platform.down.clear()
    state = await handle.execute_update("reset_breaker", "static", result_type=str)

    assert state == "closed"
    assert (await finished(handle)).counts == {MEASURED: 1}


async def test_faults_of_apps_never_open_a_breaker(client: Client) -> None:
    platform = FakePlatform(apps=8, analyzers="d", parallelism=4)
    platform.starts = dict.fromkeys(range(1, 9), build_fails)

    result = await platform.run(client)

    assert result.phase is PipelinePhase.COMPLETED
    assert result.counts == {MeasurementState.APP_FAILED: 8}
    assert all(b["failures"] == 0 for b in platform.states[-1][1]["breakers"])


async def signals_of(handle: WorkflowHandle[Any, Any]) -> list[str]:
    events = [event async for event in handle.fetch_history_events()]
    return [one.workflow_execution_signaled_event_attributes.signal_name for one in events]


async def test_children_in_flight_hear_of_a_breaker(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=3600, wait_limit_s=86_400, analyzer_threshold=1)
    platform = FakePlatform(apps=2, analyzers="sd", breaker=breaker, parallelism=2)
    go = asyncio.Event()
    hold = blocks(go)
    broken = fails("UNAVAILABLE", "fails work")
    platform.runs[DYNAMIC] = lambda r: broken(r) if r.ref.app_number == 1 else hold(r)

    handle = await platform.start(client)
    await until(handle, lambda p: p.breakers[1].state == "open")
    child = client.get_workflow_handle(platform.app_id(2))
    async with asyncio.timeout(
        PATIENCE_S
    ):  # the server delivers it after the parent has seen the breaker
        while "breaker_changed" not in await signals_of(child):
            await asyncio.sleep(0.05)
    go.set()
    await handle.execute_update("reset_breaker", "dynamic")
    await asyncio.wait_for(handle.result(), PATIENCE_S)
