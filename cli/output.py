"""What commands print: results on standard output, words for people on standard error."""

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from cli.errors import UserError
from cli.exits import Exit
from cli.terminal import progress_out, stdout

if TYPE_CHECKING:
    from pydantic import BaseModel


def say(message: str) -> None:
    """A line of progress on standard error."""
    progress_out.print(message, style="dim")


def say_why(code: Exit) -> None:
    """Why a command that did what it was asked for does not end with 0."""
    if code:
        say(f"exit code {int(code)}: {code.meaning}")


def print_lines(*lines: RenderableType) -> None:
    """Results for people on standard output."""
    for line in lines:
        stdout.print(line)


def print_json(value: Any) -> None:
    """One JSON document on standard output; pure ASCII, so a terminal takes it as it is."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    sys.stdout.write(json.dumps(plain, indent=2, default=str) + "\n")


def print_result(document: "BaseModel", *lines: RenderableType, as_json: bool) -> None:
    """The result of a command: the document for programs, or the lines for people."""
    if as_json:
        print_json(document)
    else:
        print_lines(*lines)


def print_where(link: str, *, as_json: bool) -> None:
    """Where the Temporal Web UI shows it, if that is known; no part of a JSON document."""
    if link and not as_json:
        stdout.print(f"Temporal UI: {link}")


def report_error(error: UserError, *, as_json: bool) -> None:
    """The error on standard error; with `as_json` also as the document on standard output."""
    lines = [
        Text.assemble(("error: ", "bold red"), error.message),
        *(Text(f"  - {line}") for line in error.lines),
        Text.assemble(("next: ", "bold"), error.next_step),
    ]
    for line in lines:
        progress_out.print(line, soft_wrap=True)
    if as_json:
        print_json({"error": _document(error)})


def _document(error: UserError) -> dict[str, Any]:
    """What the JSON of an error holds."""
    from cli.documents import Trouble  # late: a quarter of a second, which help does not need

    trouble = Trouble(
        message=error.message,
        details=error.lines,
        next_step=error.next_step,
        exit_code=int(error.code),
        exit=error.code.name.lower(),
    )
    return trouble.model_dump(mode="json")
