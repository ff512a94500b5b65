"""What the commands do to pipelines: the same functions that `submit` and `retry` call."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from rich.console import Console
from temporalio.client import Client

from cli.errors import explained
from cli.view import progress_line, render_progress
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.ids import pipeline_workflow_id
from contract.progress import PipelinePhase, PipelineResult
from control.errors import AlreadyRanError, OtherPlanError, WrongInputError
from control.listing import state_of
from control.namespace import require_namespace
from control.pipelines import Pipeline, Served, list_pipelines, submit
from control.retrying import reopen
from control.serving import by_id
from tests.workflows.fake_platform import (
    FakePlatform,
    blocks,
    fails,
    finished,
    make_plan,
    planned,
    until,
)

T = TypeVar("T")
STATIC = AnalyzerKind.STATIC
MEASURED = MeasurementState.MEASURED
INFRA_FAILED = MeasurementState.INFRA_FAILED


def followed(client: Client, platform: FakePlatform):
    """The handle that a command would follow."""
    id_ = pipeline_workflow_id(platform.id)
    return client.get_workflow_handle(id_, result_type=PipelineResult)


async def test_fifty_submissions_are_one_pipeline_and_one_child_per_app(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    started = await asyncio.gather(*(submit(client, platform.plan) for _ in range(50)))
    go.set()
    result = await finished(followed(client, platform))

    assert sorted(started) == [False] * 49 + [True]
    assert result.counts == {MEASURED: 2}
    assert platform.count("register") == platform.count("report") == 1
    assert [platform.count(f"run m/app{n}/static") for n in (1, 2)] == [1, 1]


async def test_a_pipeline_that_ended_is_not_run_again_by_its_id(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    await submit(client, platform.plan)
    await finished(followed(client, platform))

    with pytest.raises(AlreadyRanError, match="already ran") as refused:
        await submit(client, platform.plan)

    assert f"retry {platform.id}" in explained(refused.value).next_step
    assert platform.count("register") == 1


async def test_of_two_plans_under_one_id_one_runs_and_the_other_leaves_no_trace(
    client: Client,
) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    other = make_plan(platform.id, 3, "s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    answers = await asyncio.gather(
        submit(client, platform.plan), submit(client, other), return_exceptions=True
    )
    go.set()
    result = await finished(followed(client, platform))

    refused = [answer for answer in answers if isinstance(answer, OtherPlanError)]
    assert len(refused) == 1
    assert "different spec" in refused[0].message
    assert "--id" in explained(refused[0]).next_step
    apps = 3 if answers[1] is True else 1
    assert result.counts == {MEASURED: apps}
    assert [line for line in platform.log if line.startswith("register")] == [f"register {apps}"]
    assert len(platform.apps) == apps


async def test_an_app_that_was_added_is_retried_after_the_end(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    await submit(client, platform.plan)
    await platform.logged("run")
    handle = followed(client, platform)
    await handle.execute_update("add_apps", [planned("n", 7)])
    platform.runs[STATIC] = fails("PERMISSION_DENIED")
    go.set()
    assert (await finished(handle)).counts == {MEASURED: 1, INFRA_FAILED: 1}
    platform.runs.clear()

    retried = await reopen(client, platform.reopening(), [])
    result = await finished(followed(client, platform))

    assert retried == ["n/app7"]
    assert result.counts == {MEASURED: 2}
    assert (await Pipeline(client, platform.id).progress()).total == 2
    assert platform.count("run m/app1/static") == 1


async def test_an_app_the_store_refused_is_not_in_the_retry(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    await submit(client, platform.plan)
    await platform.logged("run")
    handle = followed(client, platform)
    platform.refuses_plan = True
    with pytest.raises(WrongInputError, match="add_apps refused"):
        await Pipeline(client, platform.id).add_apps([planned("n", 7)])
    platform.refuses_plan = False
    go.set()
    await finished(handle)

    await reopen(client, platform.reopening("m/app1"), ["m/app1"])
    result = await finished(followed(client, platform))

    assert result.counts == {MEASURED: 1}
    assert (await Pipeline(client, platform.id).progress()).total == 1


async def test_two_retries_at_once_are_one(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    await submit(client, platform.plan)
    await finished(followed(client, platform))
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)

    ended = platform.reopening("m/app1")
    await reopen(client, ended, ["m/app1"])
    with pytest.raises(PlatformError, match="running again already"):
        await reopen(client, ended, ["m/app1"])
    go.set()

    assert (await finished(followed(client, platform))).counts == {MEASURED: 1}


async def listed(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """What the server's lists tell, once they have caught up."""
    async with asyncio.timeout(30):
        while not wanted(found := await ask()):
            await asyncio.sleep(0.05)
    return found


async def test_the_list_tells_a_cancelled_pipeline_from_a_completed_one(client: Client) -> None:
    done, gone = (FakePlatform(apps=1, analyzers="s") for _ in range(2))
    for platform in (done, gone):
        await submit(client, platform.plan)
    await Pipeline(client, gone.id).cancel()
    for platform in (done, gone):
        await finished(followed(client, platform))

    async def states() -> set[str]:
        served = [one for one in await list_pipelines(client) if one.id in (done.id, gone.id)]
        return {f"{one.id} {state_of('', one)}" for one in served}

    wanted = {f"{done.id} completed", f"{gone.id} cancelled"}
    assert await listed(states, lambda found: found == wanted) == wanted


async def test_the_list_says_what_the_latest_run_of_a_pipeline_does(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    await submit(client, platform.plan, "ann@host")
    await finished(followed(client, platform))
    await listed(lambda: list_pipelines(client), lambda found: _ended(found, platform.id))
    between = datetime.now(UTC) + timedelta(seconds=1)  # moments are told to the second
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    await reopen(client, platform.reopening("m/app1"), ["m/app1"])
    await platform.logged("run m/app1/static")

    async def mine() -> list[Served]:
        return [one for one in await list_pipelines(client) if one.id == platform.id]

    both = await listed(mine, lambda found: len(found) == 2)
    newer = [one for one in await list_pipelines(client, since=between) if one.id == platform.id]
    go.set()
    await finished(followed(client, platform))

    assert by_id(both)[platform.id].status == "running"
    assert [one.status for one in newer] == ["running"], "the first run ended before"


def _ended(found: list[Served], pipeline_id: str) -> bool:
    return any(one.id == pipeline_id and one.status == "completed" for one in found)


async def test_a_pipeline_that_was_terminated_has_failed(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    await submit(client, platform.plan)
    await platform.logged("run")
    await followed(client, platform).terminate()
    go.set()

    progress, running = await Pipeline(client, platform.id).snapshot()

    assert not running
    assert progress.phase is PipelinePhase.FAILED
    assert progress.message == "its workflow was terminated"


async def test_when_apps_began_and_ended_is_known_for_the_time_left(client: Client) -> None:
    platform = FakePlatform(apps=3, analyzers="s")
    await submit(client, platform.plan)
    await finished(followed(client, platform))

    spans = await listed(
        Pipeline(client, platform.id).spans,
        lambda found: len(found) == 3 and all(span.ended for span in found),
    )

    assert all(span.ended and span.started <= span.ended for span in spans)


async def test_a_namespace_that_is_not_there_is_named(client: Client) -> None:
    elsewhere = await Client.connect(
        client.service_client.config.target_host, namespace="no-such-namespace"
    )

    with pytest.raises(PlatformError, match="no namespace no-such-namespace"):
        await require_namespace(elsewhere, with_worker=False)


async def test_an_analyzer_that_starts_is_waited_for_without_alarm(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    platform.down[STATIC] = "starting: canaries of 2 of 19 tools done"
    platform.starting.add(STATIC)
    await submit(client, platform.plan)
    handle = followed(client, platform)

    progress = await until(handle, lambda progress: progress.phase is PipelinePhase.WAITING)
    platform.down.clear()
    await finished(handle)

    line = progress_line(progress)
    assert line == "waiting 0/1  for static (starting: canaries of 2 of 19 tools done)"
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render_progress(progress))
    assert "breaker" not in shown.get()


async def test_an_analyzer_that_is_down_is_shown_with_its_breaker(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    platform.down[STATIC] = "nobody answers"
    await submit(client, platform.plan)
    handle = followed(client, platform)

    progress = await until(handle, lambda progress: progress.phase is PipelinePhase.WAITING)
    platform.down.clear()
    await finished(handle)

    console = Console(width=200)
    with console.capture() as shown:
        console.print(render_progress(progress))
    assert "breaker static is open: nobody answers" in shown.get()
