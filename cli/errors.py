"""The one way a command ends badly: a sentence that names the cause and the next step."""

from typing import NoReturn

import typer
from rich.console import Console

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


def report_and_exit(error: UserError) -> NoReturn:
    """Print `error` on standard error and leave with exit code 2."""
    stderr.print(f"[bold red]error:[/] {_plain(error.message)}")
    for line in error.lines:
        stderr.print(f"  - {_plain(line)}")
    if error.next_step:
        stderr.print(f"[bold]next:[/] {_plain(error.next_step)}")
    raise typer.Exit(EXIT_USAGE)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
