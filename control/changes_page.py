"""A page of a comparison: some of its changes, from one place on."""

import json
from bisect import bisect_right

from control.comparing import Place, gravest
from control.comparison import Comparison
from control.errors import WrongInputError


def changes_page(whole: Comparison, after: str, limit: int) -> Comparison:
    """The comparison with some of its changes.

    Args:
        whole: with all of them.
        after: the place where the page before ended; empty: the first page.
        limit: of changes.

    Raises:
        WrongInputError: the place is none.
    """
    first = bisect_right(whole.changes, _place(after), key=gravest) if after else 0
    shown = whole.changes[first : first + limit]
    more = first + len(shown) < len(whole.changes)
    update = {
        "changes": shown,
        "after": json.dumps(gravest(shown[-1])) if shown and more else None,
    }
    return whole.model_copy(update=update)


def _place(after: str) -> Place:
    try:
        severity, state, app, known, occurrence, there = json.loads(after)
        return int(severity), int(state), str(app), str(known), int(occurrence), bool(there)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise WrongInputError(
            "the cursor is no place in a comparison", next_step="begin with the first page again"
        ) from None
