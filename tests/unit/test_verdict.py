"""The table of blame, as far as the workflow decides it."""

import pytest

from contract.analysis import MeasurementState
from contract.running import AppCheck
from workflows import policies
from workflows.verdict import ROWS, Verdicts, is_apps

EXITED = AppCheck(alive=False, reason="exited with 1")
KILLED = AppCheck(alive=False, killed=True, reason="exited with 137")
SILENT = AppCheck(alive=False, silent=True, reason="no answer")
TAKEN = AppCheck(alive=False, taken=True, reason="removed")


@pytest.mark.parametrize(
    ("deaths", "row"),
    [
        ([("load", EXITED)], "died-under-measurement"),
        ([("load", TAKEN)] * 5, "taken-under-measurement"),
        ([("load", KILLED)], "killed-under-measurement"),
        ([("load", KILLED), ("scan", KILLED)], "killed-under-measurement"),
        ([("load", KILLED), ("scan", KILLED), ("load", KILLED)], "killed-again"),
        ([("load", SILENT)], "silent-after-measurement"),
        ([("load", TAKEN), ("load", KILLED)], "killed-under-measurement"),
    ],
)
def test_a_death_under_a_measurement(deaths: list[tuple[str, AppCheck]], row: str) -> None:
    verdicts = Verdicts()

    assert [verdicts.under(check, what) for what, check in deaths][-1].key == row


@pytest.mark.parametrize(
    ("deaths", "row"),
    [
        ([EXITED], "died-while-waiting"),
        ([EXITED, EXITED], "died-while-waiting"),
        ([EXITED, EXITED, EXITED], "dies-each-time-it-waits"),
        ([KILLED, TAKEN] * 5, "died-while-waiting"),
        ([EXITED, KILLED, TAKEN, EXITED], "died-while-waiting"),
    ],
)
def test_a_death_while_it_waits(deaths: list[AppCheck], row: str) -> None:
    verdicts = Verdicts()

    assert [verdicts.unwatched(check) for check in deaths][-1].key == row


def test_the_rows_are_as_the_limits_say() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    assert (policies.KILLS_FORGIVEN, policies.UNWATCHED_DEATHS_FORGIVEN) == (1, 2)
    assert [pause.total_seconds() for pause in policies.SILENCE_PAUSES] == [20, 60]
    assert policies.MAX_STARTS == 8, "the table names it"
    blamed = {row.key for row in ROWS if is_apps(row)}
    assert blamed == {"dies-each-time-it-waits", "killed-again", "died-under-measurement"}
    assert all(row.because for row in ROWS)
    missing = [row.key for row in ROWS if row.state is MeasurementState.INFRA_FAILED]
    assert missing == ["silent-before-measurement"]
