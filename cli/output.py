"""Prints: results go to standard output, messages for people to standard error."""

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
    """Print a line of progress on standard error."""
    progress_out.print(message, style="dim")


def say_why(code: Exit) -> None:
    """Say on standard error why the exit code is not 0."""
    if code:
        say(f"exit code {int(code)}: {code.meaning}")


def print_lines(*lines: RenderableType) -> None:
    """Print lines for people on standard output."""
    for line in lines:
        stdout.print(line)


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; pure ASCII, which a terminal never obeys."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    sys.stdout.write(json.dumps(plain, indent=2, default=str) + "\n")


def print_result(document: "BaseModel", *lines: RenderableType, as_json: bool) -> None:
    """Print the result of a command: `document` with `--json`, else `lines`."""
    if as_json:
        print_json(document)
    else:
        print_lines(*lines)


def print_where(*, dashboard: str, ui: str, as_json: bool) -> None:
    """Print where dashboard and Temporal Web UI show the pipeline, if known; not with `--json`."""
    for name, link in (("dashboard", dashboard), ("Temporal UI", ui)):
        if link and not as_json:
            stdout.print(f"{name + ':':<12} {link}", soft_wrap=True)


def report_error(error: UserError, *, as_json: bool) -> None:
    """Print the error on standard error; with `as_json` also a document on standard output."""
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
    """The JSON document of an error."""
    from cli.documents import Trouble  # late: a quarter of a second, which help does not need

    trouble = Trouble(
        message=error.message,
        details=error.lines,
        next_step=error.next_step,
        exit_code=int(error.code),
        exit=error.code.name.lower(),
    )
    return trouble.model_dump(mode="json")
