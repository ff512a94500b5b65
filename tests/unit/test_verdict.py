"""The table of blame, as far as the workflow decides it."""

import pytest

from contract.analysis import MeasurementState
from contract.running import AppCheck
from workflows import policies, verdict
from workflows.verdict import ROWS, Verdicts, is_apps

EXITED = AppCheck(alive=False, reason="exited with 1")
KILLED = AppCheck(alive=False, killed=True, reason="exited with 137")
TAKEN = AppCheck(alive=False, taken=True, reason="removed")


@pytest.mark.parametrize(
    ("deaths", "row"),
    [
        ([("load", EXITED)], verdict.DIED),
        ([("load", TAKEN)] * 5, verdict.TAKEN),
        ([("load", KILLED)], verdict.KILLED),
        ([("load", KILLED), ("scan", KILLED)], verdict.KILLED),
        ([("load", KILLED), ("scan", KILLED), ("load", KILLED)], verdict.KILLED_AGAIN),
        ([("load", TAKEN), ("load", KILLED)], verdict.KILLED),
    ],
)
def test_a_death_under_a_measurement(deaths: list[tuple[str, AppCheck]], row: object) -> None:
    verdicts = Verdicts()

    assert [verdicts.under(check, what) for what, check in deaths][-1] is row


@pytest.mark.parametrize(
    ("deaths", "row"),
    [
        ([EXITED], verdict.WAITED),
        ([EXITED, EXITED], verdict.WAITED),
        ([EXITED, EXITED, EXITED], verdict.WAITED_AGAIN),
        ([KILLED, TAKEN] * 5, verdict.WAITED),
        ([EXITED, KILLED, TAKEN, EXITED], verdict.WAITED),
    ],
)
def test_a_death_while_it_waits(deaths: list[AppCheck], row: object) -> None:
    verdicts = Verdicts()

    assert [verdicts.unwatched(check) for check in deaths][-1] is row


def test_the_rows_are_as_the_limits_say() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    assert (policies.KILLS_FORGIVEN, policies.UNWATCHED_DEATHS_FORGIVEN) == (1, 2)
    assert [pause.total_seconds() for pause in policies.SILENCE_PAUSES] == [20, 60]
    assert policies.MAX_STARTS_NOW == 8, "the table names it"
    blamed = {row.key for row in ROWS if is_apps(row)}
    assert blamed == {"dies-each-time-it-waits", "killed-again", "died-under-measurement"}
    assert all(row.because for row in ROWS)
    assert verdict.SILENT_BEFORE.state is MeasurementState.INFRA_FAILED
