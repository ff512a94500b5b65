"""How a command fails: a sentence that names the cause, the next step, and an exit code."""

from cli.exits import Exit
from cli.program import command
from cli.words import next_step_of
from contract.errors import ErrorCode, PlatformError


class UserError(Exception):
    """An error that the user can correct; shown without a traceback.

    Attributes:
        lines: details, one per line (e.g. each wrong field of a spec).
        next_step: what to do about it.
        code: how the command ends.
    """

    def __init__(
        self,
        message: str,
        *,
        lines: tuple[str, ...] = (),
        next_step: str = "",
        code: Exit = Exit.USAGE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.lines = lines
        self.next_step = next_step or _NEXT_STEP.get(code, "")
        self.code = code


_NEXT_STEP = {
    Exit.USAGE: "correct it and run the command again",
    Exit.UNAVAILABLE: f"{command('doctor')} says what is up; then run the command again",
    Exit.FAILED: f"{command('status')} lists the pipelines there are",
}
_WRONG_INPUT = frozenset(
    {
        ErrorCode.INVALID_ARGUMENT,
        ErrorCode.NOT_FOUND,
        ErrorCode.ALREADY_EXISTS,
        ErrorCode.FAILED_PRECONDITION,
        ErrorCode.UNIMPLEMENTED,
    }
)


def expected() -> tuple[type[Exception], ...]:
    """Exceptions that are no bug of Assay. Any other one shows its traceback."""
    return (UserError, PlatformError, *_of_temporal(), OSError)


def _of_temporal() -> tuple[type[Exception], type[Exception]]:
    """Temporal's exceptions, imported late: that takes half a second, and help needs none of it."""
    from temporalio.client import WorkflowFailureError
    from temporalio.service import RPCError

    return RPCError, WorkflowFailureError


def explained(error: Exception) -> UserError:
    """An `expected` exception as the error that the user reads."""
    refused, failed = _of_temporal()
    match error:
        case UserError():
            return error
        case PlatformError():
            wrong = error.code in _WRONG_INPUT
            return UserError(
                error.message,
                lines=error.lines,
                next_step=next_step_of(error),
                code=Exit.USAGE if wrong else Exit.UNAVAILABLE,
            )
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return UserError(
                f"{place}{error.strerror or str(error) or type(error).__name__}",
                next_step="free the disk, or correct the path or its permissions",
                code=Exit.UNAVAILABLE,
            )
        case _ if isinstance(error, refused):
            return UserError(
                f"the Temporal server refused: {error}",
                next_step="see that it runs and that TEMPORAL_* names the right namespace",
                code=Exit.UNAVAILABLE,
            )
        case _ if isinstance(error, failed):
            return UserError(f"the pipeline failed: {error.__cause__}", code=Exit.FAILED)
        case _:
            raise error
