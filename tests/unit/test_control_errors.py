"""Errors of the control room name no program; the command line puts its own commands there."""

import re
from pathlib import Path

import pytest

from cli.errors import explained
from cli.exits import Exit
from contract.errors import ErrorCode, PlatformError
from control import errors

ANEW = "starter.py report p --anew' writes it anew"
# Each situation, the exit code of a command that meets it, and what the command line says to do.
SITUATIONS: list[tuple[PlatformError, Exit, str]] = [
    (errors.WrongInputError("no", next_step="write it so"), Exit.USAGE, "write it so"),
    (errors.ServerAwayError("away", next_step="ask again"), Exit.UNAVAILABLE, "ask again"),
    (errors.StrandedError("p", "1.2"), Exit.UNAVAILABLE, "starter.py deployment move 1.2'"),
    (errors.NoWorkerError("q", "n"), Exit.UNAVAILABLE, "'python worker.py'"),
    (errors.NoPipelineError("p"), Exit.USAGE, "starter.py status'"),
    (errors.NotStoredError("p", "no p"), Exit.USAGE, "starter.py status'"),
    (errors.NoScheduleError("s"), Exit.USAGE, "starter.py schedule list'"),
    (errors.PrunedError("p"), Exit.USAGE, "starter.py status'"),
    (errors.NoAppError("p", "m/app1"), Exit.USAGE, "see the apps that it has"),
    (errors.StoreGoneError(Path("assay.db")), Exit.UNAVAILABLE, "starter.py rebuild'"),
    (errors.AlreadyRanError("p", "ran"), Exit.USAGE, "starter.py report p'"),
    (errors.OtherPlanError("p", "other"), Exit.USAGE, "--id"),
    (errors.EndedError("p"), Exit.USAGE, "starter.py report p'"),
    (errors.NoMoreAppsError("p"), Exit.USAGE, "--id"),
    (errors.NoReportError("p", Path("r")), Exit.USAGE, "starter.py status p'"),
    (errors.DamagedReportError("p", Path("r"), "cut"), Exit.USAGE, ANEW),
    (errors.OldReportError("p", Path("r"), "2.0"), Exit.USAGE, ANEW),
]


@pytest.mark.parametrize(
    ("error", "code", "typed"), SITUATIONS, ids=lambda value: type(value).__name__
)
def test_only_the_command_line_names_its_commands(
    error: PlatformError, code: Exit, typed: str
) -> None:
    told = explained(error)

    assert error.next_step
    assert not re.search(r"starter|\bassay\b|--\w|\.py", error.next_step)
    assert (told.message, told.code) == (error.message, code)
    assert typed in told.next_step


def test_each_situation_is_here() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, PlatformError)
    }

    assert classes - {PlatformError, errors.PipelineError} == {type(row[0]) for row in SITUATIONS}


def test_details_and_next_step_of_any_platform_error_reach_the_user() -> None:
    error = PlatformError(ErrorCode.DATA_LOSS, "lost", next_step="find it", lines=("a", "b"))

    told = explained(error)

    assert (told.lines, told.next_step, told.code) == (("a", "b"), "find it", Exit.UNAVAILABLE)
