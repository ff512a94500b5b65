"""Pipelines that outgrow one history, and what the Web UI shows of them."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.progress import PipelinePhase
from tests.workflows.fake_platform import FakePlatform, blocks, finished, until
from workflows import search_attributes
from workflows.fleet import Fleet

MEASURED = MeasurementState.MEASURED
INFRA_FAILED = MeasurementState.INFRA_FAILED


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
    memo = await (await client.get_workflow_handle(handle.id).describe()).memo()
    assert memo["plan"] == platform.plan.digest, "who submits it again still joins it"
    assert detail["tool_seconds"] == 14.0
    assert detail["parallelism"] == 6


async def test_a_paused_pipeline_is_still_paused_after_it_continued_as_new(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="s")
    platform.goes_on(paused=True, runs=3)

    handle = await platform.start(client)
    progress = await until(handle, lambda p: p.phase is PipelinePhase.PAUSED)
    assert progress.finished == 0
    await handle.signal("resume")

    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.count("register") == 0


async def test_a_retry_of_a_closed_pipeline_keeps_what_was_measured(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd")
    platform.goes_on(cursor=2, again=(0,), repeated=1, counts={MEASURED: 1, INFRA_FAILED: 1})
    platform.has_recorded(1, INFRA_FAILED, static=MEASURED, dynamic=INFRA_FAILED)
    platform.has_recorded(2, MEASURED, static=MEASURED, dynamic=MEASURED)

    result = await platform.run(client)

    assert result.counts == {MEASURED: 2}
    assert [line for line in platform.log if line.startswith("run")] == ["run m/app1/dynamic"]


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
