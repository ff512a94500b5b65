"""Pipelines that outgrow one history, and what the Web UI shows of them."""

import asyncio

from temporalio.client import Client

from contract.analysis import MeasurementState
from contract.progress import PipelinePhase
from contract.spec import AnalyzerKind
from tests.workflows.fake_platform import FakePlatform, blocks, finished, make_plan, until
from workflows.state import AppResult, PipelineRun, PipelineState

MEASURED = MeasurementState.MEASURED


async def test_continue_as_new_loses_nothing_and_repeats_nothing(client: Client) -> None:
    platform = FakePlatform(apps=24, analyzers="s", parallelism=2)

    handle = await platform.start(client)
    await handle.execute_update("set_parallelism", 6)
    result = await finished(handle)

    assert result.counts == {MEASURED: 24}
    assert [platform.count(f"run m/app{n}/static") for n in range(1, 25)] == [1] * 24
    assert platform.count("register") == platform.count("report") == 1
    detail = platform.states[-1][1]
    assert detail["continued_as_new"] >= 1
    assert detail["tool_seconds"] == 24.0
    assert detail["parallelism"] == 6


async def test_a_paused_pipeline_is_still_paused_after_it_continued_as_new(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="s")
    state = PipelineState(registered=True, paused=True, runs=3)
    platform.plan = PipelineRun.of(platform.plan, state)

    handle = await platform.start(client)
    progress = await until(handle, lambda p: p.phase is PipelinePhase.PAUSED)
    assert progress.finished == 0
    await handle.signal("resume")

    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.count("register") == 0


async def test_a_retry_of_a_closed_pipeline_keeps_what_was_measured(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd")
    kept = {AnalyzerKind.STATIC: MEASURED, AnalyzerKind.DYNAMIC: MeasurementState.INFRA_FAILED}
    failed = AppResult(state=MeasurementState.INFRA_FAILED, reason="lost", analyzers=kept)
    done = AppResult(state=MEASURED, analyzers=dict.fromkeys(kept, MEASURED))
    state = PipelineState(
        registered=True, pending=("m/app1",), results={"m/app1": failed, "m/app2": done}
    )
    platform.plan = PipelineRun.of(platform.plan, state)

    result = await platform.run(client)

    assert result.counts == {MEASURED: 2}
    assert [line for line in platform.log if line.startswith("run")] == ["run m/app1/dynamic"]


def test_the_carried_state_of_a_thousand_apps_stays_below_a_megabyte() -> None:
    plan = make_plan("big", 1000, "sdpa")
    states = dict.fromkeys(AnalyzerKind, MeasurementState.INFRA_FAILED)
    result = AppResult(state=MeasurementState.INFRA_FAILED, reason="x" * 300, analyzers=states)
    keys = tuple(f"{app.ref.model}/app{app.ref.app_number}" for app in plan.apps)
    state = PipelineState(registered=True, pending=keys, results=dict.fromkeys(keys, result))

    assert len(PipelineRun.of(plan, state).model_dump_json()) < 1_000_000


async def test_the_web_ui_reads_like_a_status_page(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="s")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.STATIC] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run", 2)
    child = client.get_workflow_handle(platform.app_id(1))
    attributes = (await child.describe()).typed_search_attributes
    details = (await handle.query("__temporal_workflow_metadata")).current_details
    go.set()
    await finished(handle)

    found = {pair.key.name: pair.value for pair in attributes.search_attributes}
    assert found["AssayPipeline"] == platform.id
    assert found["AssayModel"] == "m"
    assert found["AssayAppNumber"] == 1
    assert "0 of 2 finished" in details
    assert "- ⏳ `m` app 1: analysing" in details
    ended = (await child.describe()).typed_search_attributes.search_attributes
    assert "measured" in [pair.value for pair in ended]
