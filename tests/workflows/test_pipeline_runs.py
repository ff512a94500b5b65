"""A pipeline that goes well, and what it measures when apps or analyzers do not."""

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from contract.analysis import MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.missing import unmeasured
from contract.outcome import SubtaskOutcome
from contract.progress import PipelinePhase
from contract.running import AppCheck, StartOutcome
from contract.spec import AppSpec
from tests.support.facts import ALL_FACTS
from tests.workflows.fake_platform import HOST, FakePlatform, fails, measured, running
from workflows import policies

APP_FAILED = MeasurementState.APP_FAILED
INFRA_FAILED = MeasurementState.INFRA_FAILED
MEASURED = MeasurementState.MEASURED


ENGINE_AWAY = ApplicationError("the Docker daemon does not answer", type="UNAVAILABLE")


def build_fails(app: AppSpec) -> StartOutcome:
    """The author's Dockerfile is broken."""
    return StartOutcome(phase="build", reason="npm exited with 1", host=HOST)


async def test_every_app_is_measured_by_every_analyzer(client: Client) -> None:
    platform = FakePlatform(apps=4, analyzers="sdpa")

    result = await platform.run(client)

    assert result.phase is PipelinePhase.COMPLETED
    assert result.counts == {MEASURED: 4}
    assert result.report_html == "/r/report.html"
    for number in (1, 2, 3, 4):
        assert platform.cells(number) == dict.fromkeys(
            ("static", "dynamic", "performance", "ai"), MEASURED
        )
    assert platform.count("start") == platform.count("teardown") == 4
    assert platform.log[-1] == "report"


async def test_an_app_that_does_not_start_is_its_authors_fault_and_offline_work_goes_on(
    client: Client,
) -> None:
    platform = FakePlatform(analyzers="sdp")
    platform.starts[1] = build_fails

    result = await platform.run(client)

    assert platform.cells(1) == {
        "static": MEASURED,
        "dynamic": APP_FAILED,
        "performance": APP_FAILED,
    }
    assert result.counts == {APP_FAILED: 1}
    assert "build failed: npm exited with 1" in platform.apps["m/app1"].reason
    assert platform.count("start") == 1, "a build that fails is not tried for each analyzer"
    assert platform.count("teardown") == 1


async def test_an_app_that_dies_while_measured_keeps_no_number(client: Client) -> None:
    platform = FakePlatform(analyzers="p")
    gone = AppCheck(alive=False, reason="exited with 137 (out of memory)")
    platform.alive[1] = [AppCheck(alive=True), gone]

    await platform.run(client)

    outcome = platform.subtasks[f"{platform.id}/m/app1/performance"]
    assert outcome.state is APP_FAILED
    assert outcome.report is None
    assert "out of memory" in outcome.tools[0].reason
    assert platform.apps["m/app1"].facts.logs[-1].name == "performance.tar", "kept as evidence"


async def test_an_app_the_load_test_killed_is_started_anew_for_the_scan(client: Client) -> None:
    platform = FakePlatform(analyzers="dp")
    dead = AppCheck(alive=False, reason="exited with 1")
    platform.alive[1] = [AppCheck(alive=True), dead, dead]

    await platform.run(client)

    assert platform.cells(1) == {"performance": APP_FAILED, "dynamic": MEASURED}
    assert platform.apps["m/app1"].facts.restarts == 1
    assert platform.log[-2:] == ["teardown m/app1", "report"]


async def test_an_app_that_its_engine_took_away_is_measured_anew_not_blamed(client: Client) -> None:
    platform = FakePlatform(analyzers="p")
    taken = AppCheck(alive=False, taken=True, reason="the Docker daemon was restarted")
    platform.alive[1] = [AppCheck(alive=True), taken]

    await platform.run(client)

    assert platform.cells(1) == {"performance": MEASURED}
    assert platform.count("start") == 2
    assert platform.apps["m/app1"].facts.restarts == 1
    detail = platform.states[-1][1]
    assert (detail["wasted_ratio"], detail["retries_by_cause"]) == (2.0, {"APP_LOST": 1})


async def test_a_measurement_is_kept_when_its_app_cannot_be_checked_afterwards(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.CHECK_AFTER, "retry_policy", policies._retry(attempts=1))
    platform = FakePlatform(analyzers="p")
    platform.alive[1] = [AppCheck(alive=True), ENGINE_AWAY]

    await platform.run(client)

    assert platform.cells(1) == {"performance": MEASURED}
    assert platform.count("run") == platform.count("start") == platform.count("teardown") == 1


async def test_the_check_after_a_measurement_waits_for_its_engine(client: Client) -> None:
    platform = FakePlatform(analyzers="p")
    dead = AppCheck(alive=False, reason="exited with 1")
    platform.alive[1] = [AppCheck(alive=True), ENGINE_AWAY, dead]

    await platform.run(client)

    assert platform.cells(1) == {"performance": APP_FAILED}, "asked again, not believed alive"


async def test_what_an_app_ran_under_reaches_the_analyzer_and_the_record(client: Client) -> None:
    platform = FakePlatform(analyzers="sd")
    asked: dict[str, str] = {}

    def starts(app: AppSpec) -> StartOutcome:
        started = running(app)
        assert started.app is not None
        app_of_ours = started.app.model_copy(update={"conditions": "digest"})
        return started.model_copy(update={"app": app_of_ours, "facts": ALL_FACTS})

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        asked[request.analyzer] = request.conditions
        return measured(request)

    platform.starts[1] = starts
    platform.runs = dict.fromkeys((AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC), run)

    await platform.run(client)

    assert asked == {"static": "", "dynamic": "digest"}
    assert platform.apps["m/app1"].facts == ALL_FACTS


async def test_a_result_that_cannot_be_read_any_more_is_missing_data(client: Client) -> None:
    platform = FakePlatform(analyzers="s")
    app = platform.plan.app_spec(platform.plan.apps[0])
    platform.lost[AnalyzerKind.STATIC] = unmeasured(
        app, AnalyzerKind.STATIC, INFRA_FAILED, "its result was lost"
    )

    assert (await platform.run(client)).counts == {INFRA_FAILED: 1}


async def test_no_container_engine_costs_only_the_live_cells(client: Client) -> None:
    platform = FakePlatform(apps=5, analyzers="sdp")

    def no_engine(app: AppSpec) -> StartOutcome:
        raise ApplicationError(
            "no container engine", type="FAILED_PRECONDITION", non_retryable=True
        )

    platform.starts = dict.fromkeys(range(1, 6), no_engine)

    result = await platform.run(client)

    assert result.phase is PipelinePhase.COMPLETED, "no breaker waits for what waiting cannot cure"
    for number in range(1, 6):
        assert platform.cells(number) == {
            "static": MEASURED,
            "dynamic": INFRA_FAILED,
            "performance": INFRA_FAILED,
        }
        assert "no container engine" in platform.apps[f"m/app{number}"].reason
        assert platform.apps[f"m/app{number}"].facts.restarts == 0, (
            "what never ran was not restarted"
        )


async def test_a_fault_of_one_analyzer_is_named_and_the_rest_is_measured(client: Client) -> None:
    platform = FakePlatform(analyzers="sdp")
    platform.runs[AnalyzerKind.DYNAMIC] = fails("INVALID_ARGUMENT", "unknown tool wapitu")

    await platform.run(client)

    assert platform.cells(1) == {
        "static": MEASURED,
        "dynamic": INFRA_FAILED,
        "performance": MEASURED,
    }
    assert platform.subtasks[f"{platform.id}/m/app1/dynamic"].error_code == "INVALID_ARGUMENT"
    assert platform.apps["m/app1"].reason == "dynamic/dynamic-tool: unknown tool wapitu"


async def test_retries_and_waste_are_in_the_record(client: Client) -> None:
    platform = FakePlatform(analyzers="s")

    async def second_time(request: SubtaskRequest) -> SubtaskOutcome:
        causes = ("UNAVAILABLE", "WORKER_LOST")
        update = {"retry_causes": causes, "wasted_seconds": 0.5, "attempts": 3}
        return measured(request).model_copy(update=update)

    platform.runs[AnalyzerKind.STATIC] = second_time

    await platform.run(client)

    state, detail = platform.states[-1]
    assert state == "completed"
    assert detail["retries_by_cause"] == {"UNAVAILABLE": 1, "WORKER_LOST": 1}
    assert detail["wasted_ratio"] == 1.5
