"""The two outputs: results on standard output, words for people on standard error.

Nothing from outside is markup: styles are given beside the text, never within it, and whatever is
printed passes through `shown`.
"""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from cli.errors import UserError
from cli.safe import shown

if TYPE_CHECKING:
    from control.documents import Trouble

# A pipe has no width: tables are then as wide as they need to be.
_PIPE_WIDTH = 160


class SafeConsole(Console):
    """A console without markup and emoji codes, whose text cannot command the terminal."""

    def __init__(self, *, stderr: bool, piped: bool) -> None:
        super().__init__(
            stderr=stderr,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=piped or not stderr,  # on a terminal, live tables fit its width
            width=_PIPE_WIDTH if piped and not stderr else None,
        )

    def render_str(self, text: str, **how: Any) -> Text:
        """As Rich, which would drop some control codes without a trace."""
        return super().render_str(shown(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich's segments; its own control codes stay, those within text do not."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)


stdout = SafeConsole(stderr=False, piped=not sys.stdout.isatty())
progress_out = SafeConsole(stderr=True, piped=not sys.stderr.isatty())


def say(message: str) -> None:
    """A line of progress on standard error."""
    progress_out.print(message, style="dim")


def print_json(value: Any) -> None:
    """One JSON document on standard output; pure ASCII, so a terminal takes it as it is."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    sys.stdout.write(json.dumps(plain, indent=2, default=str) + "\n")


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
        print_json({"error": _document(error).model_dump(mode="json")})


def _document(error: UserError) -> "Trouble":
    """What the JSON of an error holds."""
    from control.documents import Trouble  # late: a quarter of a second, which help does not need

    return Trouble(
        message=error.message,
        details=error.lines,
        next_step=error.next_step,
        exit_code=int(error.code),
        exit=error.code.name.lower(),
    )
