"""What waited in a queue begins only on an app that lives, in a pipeline that is not paused."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import Worker

from activities import liveness, ownership
from activities.analysis import AnalysisActivities
from activities.apps import AppActivities
from contract.attempt import APP_GONE, HELD, PAUSED, Beat
from contract.errors import ErrorCode, PlatformError
from contract.running import AppCheck, RunningApp
from tests.activities.fakes import (
    APP,
    REQUEST,
    RUNNING,
    FakeArtifacts,
    FakeGateway,
    FakeRuntime,
    environment,
    report,
)

LIVE = REQUEST.model_copy(update={"app": RUNNING})
ALIVE = AppCheck(alive=True)
DEAD = AppCheck(alive=False, reason="app exited with 1")
SILENT = AppCheck(alive=False, silent=True, reason="app does not answer")
FULL = PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "2 of 2 busy", retry_after_s=0.01)
ENGINE_AWAY = PlatformError(ErrorCode.UNAVAILABLE, "the Docker daemon does not answer")


async def held() -> bool:
    return True


def activities(gateway: FakeGateway, *checks: AppCheck | PlatformError) -> AnalysisActivities:
    """Of a host whose app looks like this, one look after another."""
    runtime = FakeRuntime()
    runtime.checks = list(checks)
    return AnalysisActivities(gateway, FakeArtifacts([]), runtime)


async def refusal(run: Any, *args: Any, **attempt: Any) -> ApplicationError:
    """How an attempt stands aside."""
    with pytest.raises(ApplicationError) as failure:
        await environment(**attempt)[0].run(run, *args)
    assert failure.value.non_retryable, "the server would use up an attempt"
    assert failure.value.category is ApplicationErrorCategory.BENIGN
    return failure.value


@pytest.mark.parametrize("check", [DEAD, SILENT, AppCheck(alive=False, taken=True, reason="gone")])
async def test_an_app_that_died_in_the_queue_is_named_and_nothing_is_begun(
    tmp_path: Path, check: AppCheck
) -> None:
    gateway = FakeGateway(tmp_path, report())

    refused = await refusal(activities(gateway, check).run_analysis, LIVE)

    assert refused.type == APP_GONE
    beat, seen = refused.details
    assert (beat.begun, seen) == (False, check)
    assert gateway.log == []


async def test_an_app_that_dies_while_the_analyzer_is_full_is_not_measured(tmp_path: Path) -> None:
    gateway = FakeGateway(tmp_path, FULL, report())

    refused = await refusal(activities(gateway, ALIVE, DEAD).run_analysis, LIVE)

    assert refused.type == APP_GONE
    assert gateway.log == ["analyze"], "asked once, refused, then looked again"


async def test_an_app_that_takes_its_time_to_answer_holds_no_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def patient(app: RunningApp) -> AppCheck:
        await asyncio.Event().wait()
        return ALIVE

    monkeypatch.setattr(liveness, "LOOK_LIMIT_S", 0.01)
    runtime = FakeRuntime()
    monkeypatch.setattr(runtime, "check", patient)
    gateway = FakeGateway(tmp_path, report())

    work = AnalysisActivities(gateway, FakeArtifacts([]), runtime)
    refused = await refusal(work.run_analysis, LIVE)

    assert refused.details[1].silent
    assert gateway.log == []


async def test_work_that_needs_no_running_app_is_not_held_up_by_one(tmp_path: Path) -> None:
    gateway = FakeGateway(tmp_path, report())
    work = activities(gateway, DEAD)

    assert (await environment()[0].run(work.run_analysis, REQUEST)).report is not None


async def test_an_engine_that_cannot_be_asked_is_the_platforms_fault(tmp_path: Path) -> None:
    gateway = FakeGateway(tmp_path, report())

    with pytest.raises(ApplicationError) as failure:
        await environment()[0].run(activities(gateway, ENGINE_AWAY).run_analysis, LIVE)

    assert (failure.value.type, failure.value.non_retryable) == ("UNAVAILABLE", False)
    assert gateway.log == []


async def test_a_later_attempt_goes_on_with_what_was_begun_whatever_the_app_is_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "is_held", held)
    gateway = FakeGateway(tmp_path, report())
    env, _ = environment(attempt=2, beat=Beat(begun=True))

    outcome = await env.run(activities(gateway, DEAD).run_analysis, LIVE)

    assert outcome.report is not None, "the analyzer may hold its result"


async def test_an_app_that_dies_while_it_is_measured_ends_the_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "WATCH_S", 0.01)
    gateway = FakeGateway(tmp_path, report())
    gateway.block = asyncio.Event()
    looks = (ALIVE, SILENT, ENGINE_AWAY, ALIVE, DEAD)

    refused = await refusal(activities(gateway, *looks).run_analysis, LIVE)

    assert gateway.log == ["analyze", "cancelled"]
    beat, seen = refused.details
    assert (beat.begun, seen) == (True, DEAD), "neither silence nor a look that failed is a death"


async def test_a_result_that_comes_first_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "WATCH_S", 60)
    gateway = FakeGateway(tmp_path, report())
    work = activities(gateway, ALIVE, DEAD)

    outcome = await environment()[0].run(work.run_analysis, LIVE)

    assert outcome.report is not None, "what a death is worth then is the workflow's to say"


@pytest.mark.parametrize("request_", [REQUEST, LIVE], ids=["offline", "live"])
async def test_a_measurement_that_was_paused_in_its_queue_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: Any
) -> None:
    monkeypatch.setattr(ownership, "is_held", held)
    gateway = FakeGateway(tmp_path, report())

    refused = await refusal(
        activities(gateway).run_analysis, request_, attempt=3, beat=Beat(causes=("UNAVAILABLE",))
    )

    assert refused.type == HELD
    assert gateway.log == []
    assert refused.details[0].causes == ("UNAVAILABLE", "WORKER_LOST"), "and this is no cause"


async def test_a_build_that_was_paused_in_its_queue_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ownership, "is_held", held)
    runtime = FakeRuntime()

    refused = await refusal(AppActivities(runtime).start_app, APP)

    assert (refused.type, runtime.log) == (HELD, [])


async def test_a_build_that_was_begun_goes_on_in_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ownership, "is_held", held)
    runtime = FakeRuntime()
    env, _ = environment(attempt=2, beat=Beat(begun=True))

    await env.run(AppActivities(runtime).start_app, APP)

    assert runtime.log == ["start run-1"]


@workflow.defn(name="Pausable", sandboxed=False)
class Pausable:
    """Says in its memo whether it is paused, as `AnalyzeApp` does."""

    def __init__(self) -> None:
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        """Until told."""
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal
    def hold(self, paused: bool) -> None:
        """As a pause or a resume."""
        workflow.upsert_memo({PAUSED: paused})

    @workflow.signal
    def end(self) -> None:
        """Let it end."""
        self._ended = True


@asynccontextmanager
async def pausable(client: Client) -> AsyncGenerator[Any]:
    """A workflow that may be paused."""
    async with Worker(client, task_queue="pausable", workflows=[Pausable]):
        handle = await client.start_workflow(Pausable.run, id="pausable", task_queue="pausable")
        yield handle
        await handle.signal(Pausable.end)
        await handle.result()


async def test_the_server_tells_whether_a_workflow_is_paused(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    async def asked(run_id: str) -> bool:
        env, _ = environment(client=temporal_client, workflow_id="pausable")
        env.info = env.info.__class__(**{**vars(env.info), "workflow_run_id": run_id})
        return await env.run(ownership.is_held)

    async with pausable(temporal_client) as handle:
        run_id = handle.first_execution_run_id
        answers = [await asked(run_id)]
        for paused in (True, False):
            await handle.signal(Pausable.hold, paused)
            await handle.query("__temporal_workflow_metadata")  # it has taken the signal in
            answers.append(await asked(run_id))

    assert answers == [False, True, False]
    assert await asked("00000000-0000-0000-0000-000000000000") is False, "nobody to ask"
