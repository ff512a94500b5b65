"""The one way a command ends badly: a sentence that names the cause and the next step."""

from typing import NoReturn

import typer
from rich.console import Console
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from contract.errors import ErrorCode, PlatformError

EXIT_FAILED = 1
EXIT_USAGE = 2

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


class UserError(Exception):
    """Something the user can mend; shown without a traceback.

    Attributes:
        lines: details, one per line (e.g. each wrong field of a spec).
        next_step: what to do about it.
    """

    def __init__(self, message: str, *, lines: tuple[str, ...] = (), next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.lines = lines
        self.next_step = next_step


# What a command may meet that is no bug of ours. Anything else shows its traceback.
EXPECTED = (UserError, PlatformError, RPCError, WorkflowFailureError, OSError)
_NEXT_STEP = {
    ErrorCode.INVALID_ARGUMENT: "correct it and run the command again",
    ErrorCode.UNAVAILABLE: "'starter.py doctor' says what is up; then run the command again",
}


def explained(error: Exception) -> UserError:
    """One of the `EXPECTED` as the sentence that people read."""
    match error:
        case UserError():
            return error
        case PlatformError():
            return UserError(error.message, next_step=_NEXT_STEP.get(error.code, ""))
        case RPCError():
            return UserError(
                f"the Temporal server refused: {error.message}",
                next_step="see that it runs and that TEMPORAL_* names the right namespace",
            )
        case WorkflowFailureError():
            return UserError(f"the pipeline failed: {error.cause}")
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return UserError(
                f"{place}{error.strerror or str(error) or type(error).__name__}",
                next_step="free the disk, or correct the path or its permissions",
            )
        case _:
            raise error


def report_and_exit(error: UserError) -> NoReturn:
    """Print `error` on standard error and leave with exit code 2."""
    stderr.print(f"[bold red]error:[/] {_plain(error.message)}")
    for line in error.lines:
        stderr.print(f"  - {_plain(line)}")
    if error.next_step:
        stderr.print(f"[bold]next:[/] {_plain(error.next_step)}")
    raise typer.Exit(EXIT_USAGE)


def _plain(text: str) -> str:
    """No markup of Rich's, and no half of a character that a terminal cannot take."""
    return text.replace("[", r"\[").encode(errors="backslashreplace").decode()
