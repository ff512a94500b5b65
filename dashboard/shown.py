"""Text from outside, made fit for a page: escaping is not enough against letters nobody sees."""

import re
from typing import Any

from markupsafe import Markup

# Control characters, overrides of the direction of text, separators of lines, halves of characters.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(value: Any) -> Any:
    r"""A value as a page writes it: what would command a reader's eyes is an escape (`\u202e`)."""
    if isinstance(value, str) and not isinstance(value, Markup) and _COMMANDS.search(value):
        return _COMMANDS.sub(_escape, value)
    return value


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
