"""The two outputs: results on standard output, words for people on standard error.

Nothing from outside is markup: styles are given beside the text, never within it, and whatever is
printed passes through `shown`.
"""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from cli.safe import shown

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
        """As Rich does, but control codes are shown as escapes; Rich would drop some silently."""
        return super().render_str(shown(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich's segments; its own control codes stay, those within text do not."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)


stdout = SafeConsole(stderr=False, piped=not sys.stdout.isatty())
progress_out = SafeConsole(stderr=True, piped=not sys.stderr.isatty())
