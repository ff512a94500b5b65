"""Pipelines that outgrow one history, and what the Web UI shows of them."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.progress import PipelinePhase
from tests.workflows.fake_platform import FakePlatform, blocks, finished, make_plan, until
from workflows import search_attributes
from workflows.fleet import Fleet
from workflows.state import AppResult, PipelineRun, PipelineState

MEASURED = MeasurementState.MEASURED


async def test_continue_as_new_loses_nothing_and_repeats_nothing(client: Client) -> None:
    platform = FakePlatform(apps=14, analyzers="s", parallelism=2)

    handle = await platform.start(client)
    await handle.execute_update("set_parallelism", 6)
    result = await finished(handle)

    assert result.counts == {MEASURED: 14}
    assert [platform.count(f"run m/app{n}/static") for n in range(1, 15)] == [1] * 14
    assert platform.count("register") == platform.count("report") == 1
    detail = platform.states[-1][1]
    assert detail["continued_as_new"] >= 1
    assert detail["tool_seconds"] == 14.0
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
    static, dynamic = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
    failed = AppResult(
        state=MeasurementState.INFRA_FAILED,
        reason="lost",
        analyzers={static: MEASURED},
        missing={dynamic: ("*",)},
    )
    done = AppResult(state=MEASURED, analyzers=dict.fromkeys((static, dynamic), MEASURED))
    state = PipelineState(
        registered=True, pending=("m/app1",), results={"m/app1": failed, "m/app2": done}
    )
    platform.plan = PipelineRun.of(platform.plan, state)

    result = await platform.run(client)

    assert result.counts == {MEASURED: 2}
    assert [line for line in platform.log if line.startswith("run")] == ["run m/app1/dynamic"]


def test_the_carried_state_of_a_thousand_apps_stays_below_a_megabyte() -> None:
    plan = make_plan("big", 1000, "sdpa")
    cells = {f"tool-{n}": MeasurementState.INFRA_FAILED for n in range(20)}
    result = AppResult.of(
        MeasurementState.INFRA_FAILED, "x" * 999, dict.fromkeys(AnalyzerKind, cells)
    )
    keys = tuple(f"{app.ref.model}/app{app.ref.app_number}" for app in plan.apps)
    state = PipelineState(registered=True, pending=keys, results=dict.fromkeys(keys, result))

    assert len(PipelineRun.of(plan, state).model_dump_json()) < 1_000_000


async def state_of(handle: WorkflowHandle[Any, Any]) -> str | None:
    """What lists of workflows say of the pipeline, once it has taken in what it was told."""
    await handle.query("progress")
    attributes = (await handle.describe()).typed_search_attributes
    return attributes.get(search_attributes.STATE)


async def test_lists_say_that_a_pipeline_waits(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    platform.down[AnalyzerKind.STATIC] = "connection refused"

    handle = await platform.start(client)
    await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    assert await state_of(handle) == "waiting"
    platform.down.clear()

    await finished(handle)


async def test_something_unexpected_is_shown_and_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Fleet, "finish", broken)

    with pytest.raises(WorkflowFailureError) as failure:
        await FakePlatform(apps=1, analyzers="s").run(client)

    assert "a bug" in str(failure.value.cause)


async def test_the_web_ui_reads_like_a_status_page(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="s")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.STATIC] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run", 2)
    child = client.get_workflow_handle(platform.app_id(1))
    attributes = (await child.describe()).typed_search_attributes
    summaries = [await (await w.describe()).static_summary() for w in (handle, child)]
    details = (await handle.query("__temporal_workflow_metadata")).current_details
    listed = [await state_of(handle)]
    await handle.signal("pause")
    listed.append(await state_of(handle))
    await handle.signal("resume")
    listed.append(await state_of(handle))
    go.set()
    await finished(handle)
    listed.append(await state_of(handle))

    assert summaries == ["2 apps x static", "m app 1"]
    assert listed == ["running", "paused", "running", "completed"]

    found = {pair.key.name: pair.value for pair in attributes.search_attributes}
    assert found["AssayPipeline"] == platform.id
    assert found["AssayModel"] == "m"
    assert found["AssayAppNumber"] == 1
    assert "0 of 2 finished" in details
    assert "- ⏳ `m` app 1: analysing" in details
    ended = (await child.describe()).typed_search_attributes.search_attributes
    assert "measured" in [pair.value for pair in ended]
