"""What a person may do to a running pipeline, and that doing it 50 times changes nothing."""

import asyncio
import uuid

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import TASK_QUEUE_CONTROL
from contract.progress import PipelinePhase
from control.starting import start_pipeline
from tests.conftest import TEMPORAL
from tests.workflows.fake_platform import (
    PATIENCE_S,
    FakePlatform,
    blocks,
    fails,
    finished,
    measured,
    planned,
    until,
)
from workflows.state import AppRun

STATIC = AnalyzerKind.STATIC
MEASURED = MeasurementState.MEASURED
INFRA_FAILED = MeasurementState.INFRA_FAILED


async def test_an_app_that_is_already_analysed_is_followed_never_started_twice(
    client: Client,
) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    app = platform.plan.app_spec(platform.plan.apps[0])
    await client.start_workflow(
        "AnalyzeApp", AppRun(app=app), id=app.workflow_id, task_queue=TASK_QUEUE_CONTROL
    )

    handle = await platform.start(client)
    await platform.logged("await m/app1")
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 1}
    assert platform.count("run m/app1/static") == 1


async def test_the_window_holds_and_can_be_changed_while_running(client: Client) -> None:
    platform = FakePlatform(apps=8, analyzers="s", parallelism=2)
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run", 2)
    await asyncio.sleep(0.3)
    assert platform.peak["static"] == 2
    assert await handle.execute_update("set_parallelism", 5, result_type=int) == 5
    await platform.logged("run", 5)
    await asyncio.sleep(0.3)
    assert platform.peak["static"] == 5
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 8}


@pytest.mark.parametrize(
    ("update", "argument", "message"),
    [
        ("set_parallelism", 0, "not in 1..50"),
        ("set_parallelism", 51, "not in 1..50"),
        ("retry_failed", ["m/app9"], "no app 'm/app9'"),
        ("retry_failed", ["m/app1"], "has not ended"),
        ("add_apps", [planned("m", 1)], "duplicate app: m/app1"),
        ("reset_breaker", "wapiti", "there are static, store, pipeline"),
    ],
)
async def test_a_wrong_update_is_refused_with_a_reason(
    client: Client, update: str, argument: object, message: str
) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    handle = await platform.start(client)
    await platform.logged("run")

    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await handle.execute_update(update, argument)

    assert message in str(failure.value.cause)
    go.set()
    await finished(handle)


async def test_pause_lets_running_tools_finish_and_starts_nothing_new(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="dp", parallelism=1)
    go = asyncio.Event()
    platform.runs[AnalyzerKind.PERFORMANCE] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run m/app1/performance")
    await handle.signal("pause")
    await until(handle, lambda progress: progress.phase is PipelinePhase.PAUSED)
    go.set()
    await platform.logged("record m/app1/performance")
    await asyncio.sleep(0.5)
    assert platform.count("run") == 1, "neither the scan of app 1 nor app 2"
    await handle.signal("resume")

    assert (await finished(handle)).counts == {MEASURED: 2}


@pytest.mark.parametrize("way", ["signal", "cancellation"])
async def test_cancel_tears_down_and_reports_what_is_missing(client: Client, way: str) -> None:
    platform = FakePlatform(apps=3, analyzers="sd", parallelism=1)
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(asyncio.Event())

    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("record m/app1/static")
    if way == "signal":
        await handle.signal("cancel")
        assert (await finished(handle)).phase is PipelinePhase.CANCELLED
    else:
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await finished(handle)

    assert platform.states[-1][0] == "cancelled"
    assert platform.log[-1] == "report"
    assert platform.count("teardown") == 3, "and of what was built ahead"
    assert platform.cells(1) == {"static": MEASURED, "dynamic": INFRA_FAILED}
    assert platform.cells(3) == {"static": INFRA_FAILED, "dynamic": INFRA_FAILED}
    assert "cancelled" in platform.apps["m/app3"].reason


async def test_retry_runs_only_what_the_platform_failed(client: Client) -> None:
    platform = FakePlatform(apps=3, analyzers="sd", parallelism=3)
    go = asyncio.Event()
    platform.runs[AnalyzerKind.DYNAMIC] = fails("PERMISSION_DENIED")
    hold = blocks(go)
    platform.runs[STATIC] = lambda r: hold(r) if r.ref.app_number == 3 else _now(r)

    handle = await platform.start(client)
    await until(handle, lambda progress: progress.counts.get(INFRA_FAILED) == 2)
    del platform.runs[AnalyzerKind.DYNAMIC]
    again = await handle.execute_update("retry_failed", [], result_type=list[str])
    go.set()
    result = await finished(handle)

    assert sorted(again) == ["m/app1", "m/app2"]
    assert platform.count("run m/app1/dynamic") == 2
    assert platform.count("run m/app1/static") == 1, "what was measured stands"
    assert platform.apps["m/app1"].state is MEASURED
    assert result.counts == {MEASURED: 2, INFRA_FAILED: 1}
    assert platform.states[-1][1]["apps_retried"] == 2


async def _now(request):  # type: ignore[no-untyped-def]
    return measured(request)


async def test_apps_can_be_added_while_it_runs(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run")
    total = await handle.execute_update("add_apps", [planned("n", 7)], result_type=int)
    go.set()
    result = await finished(handle)

    assert total == 2
    assert result.counts == {MEASURED: 2}
    assert platform.log[0] == "register 1"
    assert "register 2" in platform.log


async def test_apps_the_store_refuses_are_not_added(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    handle = await platform.start(client)
    await platform.logged("run")
    platform.refuses_plan = True
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("add_apps", [planned("n", 7)])
    platform.refuses_plan = False
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 1}


async def test_a_terminated_child_is_named_and_the_others_go_on(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd", parallelism=1)
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(asyncio.Event())

    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("record m/app1/static")
    platform.runs.clear()
    await client.get_workflow_handle(platform.app_id(1)).terminate("by a person")
    result = await finished(handle)

    assert result.counts == {INFRA_FAILED: 1, MEASURED: 1}
    assert "terminated" in platform.apps["m/app1"].reason.lower()
    assert platform.cells(1) == {"static": MEASURED, "dynamic": INFRA_FAILED}


async def test_the_lines_of_the_operations_guide_work(client: Client) -> None:
    """`temporal workflow signal|update|query`, as docs/operations.md gives them."""
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    handle = await platform.start(client)
    await platform.logged("run")

    async def temporal(*args: str) -> str:
        process = await asyncio.create_subprocess_exec(
            TEMPORAL,
            "workflow",
            *args,
            *("--workflow-id", handle.id, "--namespace", client.namespace),
            *("--address", client.service_client.config.target_host),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode()

    await temporal("signal", "--name", "pause")
    assert '"phase":"paused"' in (await temporal("query", "--type", "progress")).replace(" ", "")
    await temporal("update", "execute", "--name", "set_parallelism", "--input", "9")
    await temporal("signal", "--name", "resume")
    assert "Start nothing new" in await temporal("metadata")
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 1}
    assert platform.states[-1][1]["parallelism"] == 9


async def test_two_pipelines_do_not_meet(client: Client) -> None:
    platforms = [FakePlatform(apps=2, analyzers="s") for _ in range(3)]

    results = await asyncio.gather(*(platform.run(client) for platform in platforms))

    assert [result.counts for result in results] == [{MEASURED: 2}] * 3


async def test_a_refused_registration_fails_the_pipeline_and_starts_nothing(
    client: Client,
) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    platform.refuses_plan = True

    with pytest.raises(WorkflowFailureError):
        await finished(await start_pipeline(client, platform.plan))

    assert platform.count("run") == platform.count("report") == 0


@pytest.mark.parametrize("name", ["Pipeline", "AnalyzeApp"])
async def test_an_input_that_cannot_be_read_fails_at_once_and_says_why(
    client: Client, name: str
) -> None:
    handle = await client.start_workflow(
        name, {"pipeline_id": "x"}, id=f"bad-{uuid.uuid4()}", task_queue=TASK_QUEUE_CONTROL
    )

    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(handle.result(), PATIENCE_S)

    chain: BaseException | None = failure.value
    messages: list[str] = []
    while chain is not None:
        messages.append(str(chain))
        chain = chain.__cause__
    assert "Field required" in "\n".join(messages)
