"""Where weaknesses can be that are suppressed: decisions are few, and say it."""

from collections.abc import Sequence
from typing import Any

from contract.findings import FindingsQuery
from contract.spec import AppRef
from contract.suppression import Suppression
from control.errors import WrongInputError
from control.naming import app_of
from reports.suppressions import Decisions

_FEW = 20
_GLOB = frozenset("*?[")


def suppressed_in(decisions: Decisions, query: FindingsQuery) -> dict[str, Any]:
    """Filters, beside those of the search, that leave all that is suppressed; none: nobody knows.

    Decisions about a few apps, or about a few weaknesses by name, need no look at all of them.
    """
    holding = [each for each in decisions.every if each.holds_on(decisions.today)]
    if len(holding) > _FEW:
        return {}
    refs = _apps(holding)
    if refs and not query.apps:
        return {"apps": refs}
    if all(each.fingerprint for each in holding) and not query.identities:
        return {"identities": tuple(dict.fromkeys(each.fingerprint for each in holding))}
    return {}


def _apps(holding: Sequence[Suppression]) -> tuple[AppRef, ...]:
    """The apps that all these decisions are about; none: some are about others, too."""
    if any(not each.app or _GLOB.intersection(each.app) for each in holding):
        return ()
    try:
        return tuple(dict.fromkeys(app_of(each.app) for each in holding))
    except WrongInputError:
        return ()
