"""A measurement is safe before the analyzer forgets it, and is never made twice."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities import analysis, heartbeat, ownership
from activities.analysis import AnalysisActivities
from activities.result_cache import load_report
from contract.analysis import MeasurementState, Target
from contract.attempt import Beat
from contract.errors import ErrorCode, PlatformError
from contract.protocol import Progress
from tests.activities.fakes import (
    REQUEST,
    FakeArtifacts,
    FakeGateway,
    FakeRuntime,
    archive,
    environment,
    given_up,
    owner,
    report,
)

M = MeasurementState


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path, report())


@pytest.fixture
def artifacts(gateway: FakeGateway) -> FakeArtifacts:
    return FakeArtifacts(gateway.log)


async def test_the_result_is_cached_before_the_analyzer_may_forget_it(
    gateway: FakeGateway, artifacts: FakeArtifacts
) -> None:
    env, beats = environment()

    outcome = await env.run(
        AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST
    )

    assert gateway.log == ["analyze", "discard", "cache report-of", "cache p", "acknowledge"]
    assert outcome.report is not None
    assert artifacts.content[outcome.report.key] == archive(report())
    assert beats[0].message == "static: looking for an earlier result"


async def test_a_result_that_cannot_be_kept_leaves_no_copy_beside_the_next_attempts(
    gateway: FakeGateway, artifacts: FakeArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "no space left")

    monkeypatch.setattr(artifacts, "put_file", full)
    activities = AnalysisActivities(gateway, artifacts, FakeRuntime())
    with pytest.raises(ApplicationError, match="no space left"):
        await environment()[0].run(activities.run_analysis, REQUEST)

    assert gateway.log == ["analyze", "discard"]


async def test_a_tool_the_analyzer_is_silent_about_is_no_zero(
    gateway: FakeGateway, artifacts: FakeArtifacts
) -> None:
    env, _ = environment()

    outcome = await env.run(
        AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST
    )

    assert [(t.tool, t.state) for t in outcome.tools] == [
        ("bandit", M.MEASURED),
        ("ruff", M.INFRA_FAILED),
    ]
    assert outcome.report is not None
    kept = await load_report(artifacts, outcome.report)
    assert [tool.tool for tool in kept.tools] == ["bandit", "ruff"]


async def test_a_cached_result_is_not_measured_again(
    gateway: FakeGateway, artifacts: FakeArtifacts
) -> None:
    run = AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis
    first = await environment()[0].run(run, REQUEST)
    second = await environment(attempt=2)[0].run(run, REQUEST)

    assert gateway.log.count("analyze") == 1
    assert gateway.log.count("acknowledge") == 2
    assert second.tools == first.tools
    assert second.retry_causes == ("WORKER_LOST",), "a killed worker says nothing"


async def test_a_cached_result_that_is_damaged_is_fetched_anew(
    gateway: FakeGateway, artifacts: FakeArtifacts
) -> None:
    run = AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis
    first = await environment()[0].run(run, REQUEST)
    artifacts.content = dict.fromkeys(artifacts.content, b"damaged")
    second = await environment(attempt=2)[0].run(run, REQUEST)

    assert gateway.log.count("analyze") == 2
    assert second.tools == first.tools


@pytest.mark.parametrize(("seconds", "twice"), [(9.0, True), (report().tool_seconds, False)])
async def test_a_second_result_of_one_run_counts_and_the_same_one_that_two_attempts_got_does_not(
    gateway: FakeGateway,
    artifacts: FakeArtifacts,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    seconds: float,
    twice: bool,
) -> None:
    counted: list[bool] = []
    monkeypatch.setattr(analysis, "count_result", lambda _, *, twice: counted.append(twice))
    second = FakeGateway(tmp_path, report().model_copy(update={"tool_seconds": seconds}))
    run = AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis
    await environment()[0].run(run, REQUEST)

    async def not_yet(_key: str) -> None:
        return None

    other = AnalysisActivities(second, artifacts, FakeRuntime())
    monkeypatch.setattr(other, "_kept", not_yet)  # it looked before the first one had its result
    await environment(attempt=2)[0].run(other.run_analysis, REQUEST)

    assert counted == [False, twice]


async def test_an_app_started_anew_is_measured_anew(
    gateway: FakeGateway, artifacts: FakeArtifacts
) -> None:
    run = AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis
    for container in ("c1", "c2", "c2"):
        target = Target(service="app", base_url="http://127.0.0.1:1", container_id=container)
        await environment()[0].run(run, REQUEST.model_copy(update={"targets": (target,)}))

    assert gateway.log.count("analyze") == 2


async def test_waiting_for_a_free_place_uses_up_no_attempt(
    tmp_path: Path, artifacts: FakeArtifacts
) -> None:
    full = PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "2 of 2 busy", retry_after_s=0.01)
    gateway = FakeGateway(tmp_path, full, full, report())

    outcome = await environment()[0].run(
        AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST
    )

    assert gateway.log.count("analyze") == 3
    assert (outcome.attempts, outcome.retry_causes) == (1, ())


async def test_waiting_for_a_place_is_told_with_each_beat(
    tmp_path: Path, artifacts: FakeArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_INTERVAL_S", 0.01)
    full = PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "all 2 places are taken", retry_after_s=0.1)
    env, beats = environment()

    gateway = FakeGateway(tmp_path, full, report())
    await env.run(AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST)

    assert "static: waits, all 2 places are taken" in [beat.message for beat in beats]


@pytest.mark.parametrize(
    ("running", "said", "shown"),
    [
        (("openloop",), "openloop: waits for another load test on this host, 12 s", "openloop; "),
        ((), "starting", "starting"),
        (("a", "b", "c", "d"), "", "a, b, c, 1 more"),
        ((), "", "working"),
    ],
)
def test_what_an_analyzer_says_is_shown_beside_the_tools_at_work(
    running: tuple[str, ...], said: str, shown: str
) -> None:
    progress = Progress(subtask_id="s", done=1, total=4, running=running, message=said)

    line = analysis._describe(REQUEST, progress)

    assert line.startswith("static: 1/4 tools, ")
    assert shown in line
    assert said in line


async def test_a_platform_fault_carries_its_code_and_its_delay(
    tmp_path: Path, artifacts: FakeArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "2 of 2 busy", retry_after_s=7)
    monkeypatch.setattr(analysis, "PLACES_WAIT_S", 0)
    env, beats = environment(attempt=2, beat=Beat(causes=("UNAVAILABLE",)))

    with pytest.raises(ApplicationError) as failure:
        gateway = FakeGateway(tmp_path, full)
        await env.run(AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST)

    assert failure.value.type == "RESOURCE_EXHAUSTED"
    assert not failure.value.non_retryable
    assert failure.value.next_retry_delay is not None
    assert failure.value.next_retry_delay.total_seconds() == 7
    assert beats[-1].causes == ("UNAVAILABLE", "RESOURCE_EXHAUSTED"), "for the next attempt"


async def test_what_no_retry_cures_is_not_retried(tmp_path: Path, artifacts: FakeArtifacts) -> None:
    gateway = FakeGateway(tmp_path, PlatformError(ErrorCode.FAILED_PRECONDITION, "no endpoint"))

    with pytest.raises(ApplicationError) as failure:
        await environment()[0].run(
            AnalysisActivities(gateway, artifacts, FakeRuntime()).run_analysis, REQUEST
        )

    assert failure.value.non_retryable


async def cancelled_run(
    gateway: FakeGateway,
    why: str = "cancel_requested",
    client: Client | None = None,
    workflow_id: str = "test",
) -> list[str]:
    """What the analyzer was asked when an attempt was cancelled for `why`."""
    gateway.block = asyncio.Event()
    env, _ = environment(client=client, workflow_id=workflow_id)
    activities = AnalysisActivities(gateway, FakeArtifacts([]), FakeRuntime())
    run = asyncio.create_task(env.run(activities.run_analysis, REQUEST))
    while "analyze" not in gateway.log:
        await asyncio.sleep(0)
    env.cancel(given_up(why))
    with pytest.raises(asyncio.CancelledError):
        await run
    return gateway.log


async def test_a_cancel_reaches_the_analyzer(gateway: FakeGateway) -> None:
    assert await cancelled_run(gateway) == ["analyze", "cancelled"]


async def test_a_worker_that_shuts_down_leaves_the_run_to_the_next_attempt(
    gateway: FakeGateway,
) -> None:
    assert await cancelled_run(gateway, "worker_shutdown") == ["analyze", "detach"]


@pytest.mark.parametrize("why", ["not_found", "timed_out", "reset", "paused"])
async def test_a_stale_attempt_leaves_the_run_to_the_next_one_while_its_workflow_runs(
    gateway: FakeGateway, temporal_client: Client, why: str
) -> None:
    async with owner(temporal_client, runs=True) as workflow_id:
        log = await cancelled_run(gateway, why, temporal_client, workflow_id)

    assert log == ["analyze", "detach"]


async def test_the_run_of_a_terminated_workflow_is_ended(
    gateway: FakeGateway, temporal_client: Client
) -> None:
    async with owner(temporal_client, runs=False) as workflow_id:
        log = await cancelled_run(gateway, "not_found", temporal_client, workflow_id)

    assert log == ["analyze", "cancelled"]


async def test_a_server_that_cannot_be_asked_is_no_reason_to_end_a_run(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(workflow_id: str) -> bool:
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(ownership, "is_running", unreachable)

    assert await cancelled_run(gateway, "timed_out") == ["analyze", "detach"]
