"""Whose a dead app is: by when it died, by what ended it, and by how often."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppFacts
from contract.running import AppCheck, StartOutcome
from contract.spec import AppSpec
from tests.workflows.fake_platform import (
    HOST,
    FakePlatform,
    fails,
    gone,
    one_by_one,
)
from workflows import policies, stages

APP_FAILED = MeasurementState.APP_FAILED
INFRA_FAILED = MeasurementState.INFRA_FAILED
MEASURED = MeasurementState.MEASURED
PERFORMANCE, DYNAMIC = AnalyzerKind.PERFORMANCE, AnalyzerKind.DYNAMIC

ALIVE = AppCheck(alive=True)
EXITED = AppCheck(alive=False, reason="app exited with 1")
OUT_OF_MEMORY = AppCheck(alive=False, reason="app exited with 137 (out of memory)")
KILLED = AppCheck(alive=False, killed=True, reason="app exited with 137")
TAKEN = AppCheck(alive=False, taken=True, reason="its container was removed from outside")
SILENT = AppCheck(alive=False, silent=True, reason="app runs and does not answer")
HANGS = AppCheck(alive=False, reason="app has not answered on a calm host for 60 s")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy host is asked again at once, twice."""
    monkeypatch.setattr(policies, "SILENCE_PAUSES", (timedelta(milliseconds=50),) * 2)


@pytest.mark.parametrize("check", [EXITED, OUT_OF_MEMORY, KILLED, TAKEN])
async def test_an_app_that_died_in_a_queue_is_started_anew_and_nothing_is_blamed(
    client: Client, check: AppCheck
) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[PERFORMANCE] = one_by_one(gone(check))

    await platform.run(client)

    assert platform.cells(1) == {"performance": MEASURED, "dynamic": MEASURED}
    assert platform.count("start") == 2
    outcome = platform.subtasks[f"{platform.id}/m/app1/performance"]
    assert (outcome.attempts, outcome.retry_causes) == (1, ())


async def test_an_app_that_ends_by_itself_each_time_it_waits_is_broken(client: Client) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[PERFORMANCE] = gone(EXITED)

    await platform.run(client)

    assert platform.cells(1) == {"performance": APP_FAILED, "dynamic": APP_FAILED}
    assert platform.count("start") == 3
    assert (
        "three times while nothing was asked of it: app exited with 1"
        in platform.apps["m/app1"].reason
    )


@pytest.mark.parametrize("check", [KILLED, TAKEN])
async def test_an_app_that_somebody_ends_each_time_it_waits_is_missing_data(
    client: Client, check: AppCheck
) -> None:
    platform = FakePlatform(analyzers="p")
    platform.runs[PERFORMANCE] = gone(check)

    await platform.run(client)

    assert platform.cells(1) == {"performance": INFRA_FAILED}
    assert platform.count("start") == policies.MAX_STARTS


@pytest.mark.parametrize("seen", ["after it", "under it"])
async def test_a_kill_without_a_record_is_measured_once_more_and_counts_when_it_comes_again(
    client: Client, seen: str
) -> None:
    once, twice = FakePlatform(analyzers="p"), FakePlatform(analyzers="p")
    if seen == "after it":
        once.alive[1] = [ALIVE, KILLED]
        twice.alive[1] = [ALIVE, KILLED, ALIVE, KILLED]
    else:
        once.runs[PERFORMANCE] = one_by_one(gone(KILLED, begun=True))
        twice.runs[PERFORMANCE] = gone(KILLED, begun=True)

    for platform in (once, twice):
        await platform.run(client)

    assert once.cells(1) == {"performance": MEASURED}
    assert once.states[-1][1]["retries_by_cause"] == {"APP_LOST": 1}
    assert twice.cells(1) == {"performance": APP_FAILED}
    assert once.count("run") == twice.count("run") == 2
    assert "died during the measurement: app exited with 137" in twice.apps["m/app1"].reason


@pytest.mark.parametrize("check", [EXITED, OUT_OF_MEMORY])
async def test_a_death_under_the_measurement_is_the_apps_and_the_scan_gets_a_new_life(
    client: Client, check: AppCheck
) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[PERFORMANCE] = one_by_one(gone(check, begun=True))
    platform.alive[1] = [ALIVE, check]

    await platform.run(client)

    assert platform.cells(1) == {"performance": APP_FAILED, "dynamic": MEASURED}
    assert platform.count("run m/app1/performance") == 1
    assert platform.apps["m/app1"].facts.restarts == 1


async def test_a_kill_right_after_the_start_is_tried_once_more(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [KILLED]

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": MEASURED}
    assert platform.count("start") == 2


async def test_a_silent_app_is_asked_again_before_it_is_measured(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [SILENT, SILENT, ALIVE]

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": MEASURED}
    assert platform.count("start") == platform.count("run") == 1


async def test_an_app_that_is_silent_when_its_turn_comes_keeps_its_life(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.runs[DYNAMIC] = one_by_one(gone(SILENT), gone(SILENT))

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": MEASURED}
    assert platform.count("start") == 1
    assert platform.count("run") == 3


async def test_silence_that_never_ends_on_a_busy_host_is_missing_data(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [SILENT] * 9

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": INFRA_FAILED}
    assert (
        "a host too busy to tell why: app runs and does not answer"
        in platform.apps["m/app1"].reason
    )
    assert platform.count("run") == 0
    assert platform.apps["m/app1"].platform_fault is False, "no breaker waits for a busy host"


async def test_silence_that_turns_out_a_hang_is_the_apps(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [SILENT, HANGS]

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": APP_FAILED}


async def test_silence_after_a_measurement_voids_nothing(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [ALIVE, SILENT, SILENT, SILENT]

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": MEASURED}
    assert platform.count("run") == 1


async def test_a_death_that_silence_hid_at_first_counts(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.alive[1] = [ALIVE, SILENT, EXITED]

    await platform.run(client)

    assert platform.cells(1) == {"dynamic": APP_FAILED}


async def test_what_was_substituted_is_told_of_an_app_that_did_not_start(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    note = "python:3.9 was served by assay/python:3.11"

    def does_not_answer(app: AppSpec) -> StartOutcome:
        return StartOutcome(
            phase="answer", reason="no port", host=HOST, facts=AppFacts(notes=(note,))
        )

    platform.starts[1] = does_not_answer

    await platform.run(client)

    app = platform.apps["m/app1"]
    assert (app.state, app.facts.notes) == (APP_FAILED, (note,))


async def test_a_platform_fault_is_still_one_beside_a_death(client: Client) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[PERFORMANCE] = fails("PERMISSION_DENIED")
    platform.runs[DYNAMIC] = one_by_one(gone(EXITED))

    await platform.run(client)

    assert platform.cells(1) == {"performance": INFRA_FAILED, "dynamic": MEASURED}


async def test_what_was_lost_is_told_even_if_its_host_is_lost_with_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    unserved = {**policies.TEARDOWN_APP, "schedule_to_start_timeout": timedelta(seconds=0.3)}
    monkeypatch.setattr(policies, "TEARDOWN_APP", unserved)
    teardown = stages.teardown_app
    monkeypatch.setattr(stages, "teardown_app", lambda _host, app: teardown("ghost", app))
    platform = FakePlatform(analyzers="p")
    platform.alive[1] = [ALIVE, TAKEN]

    await platform.run(client)

    assert platform.cells(1) == {"performance": MEASURED}
    detail = platform.states[-1][1]
    assert detail["retries_by_cause"] == {"APP_LOST": 1, "HOST_LOST": 1}
    assert detail["wasted_seconds"] == 1.0
