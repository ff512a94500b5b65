"""Cursors that a page gives for the next one; each is good for the question it was given for."""

import base64
import hashlib
import json
from collections.abc import Mapping

from control.errors import WrongInputError

ROWS_MAX = 200
CURSOR_LETTERS = 2_000


def sealed(place: str | None, question: Mapping[str, object]) -> str | None:
    """The cursor of the place where the next page begins; None: there is none."""
    if place is None:
        return None
    text = json.dumps([place, _digest(question)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def opened(cursor: str, question: Mapping[str, object]) -> str:
    """The place that a cursor stands for; the first one if it is empty.

    Raises:
        WrongInputError: it is none, or of another question.
    """
    if not cursor:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place, digest = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _wrong("is no cursor") from None
    if not isinstance(place, str) or digest != _digest(question):
        raise _wrong("belongs to another question")
    return place


def _digest(question: Mapping[str, object]) -> str:
    text = json.dumps(question, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wrong(what: str) -> WrongInputError:
    return WrongInputError(f"the cursor {what}", next_step="begin with the first page again")
