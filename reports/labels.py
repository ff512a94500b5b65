"""Compares findings with the answer sheet of a control app: seen, missed, false."""

from collections.abc import Iterable

from contract.analysis import Category, Confidence, Finding
from contract.control import AnswerSheet, Label
from contract.families import families_of

# Tools point at the sink, at the call before it, or at the function around it.
SLACK_LINES = 3


def security(findings: Iterable[Finding]) -> list[Finding]:
    """Security findings: on a clean app, each is a false one."""
    return [found for found in findings if found.category is Category.SECURITY]


def believed(findings: Iterable[Finding]) -> list[Finding]:
    """Those that their tool is not unsure of."""
    return [found for found in findings if found.confidence is not Confidence.LOW]


def met(sheet: AnswerSheet, findings: Iterable[Finding]) -> set[str]:
    """IDs of the weaknesses of the sheet that some finding is about."""
    found = security(findings)
    return {label.id for label in sheet.weaknesses if any(is_met(label, one) for one in found)}


def is_met(label: Label, found: Finding) -> bool:
    """Whether a finding is of the label's family, and about its place or its operation.

    Tools name some weaknesses by a related CWE. A label without an operation is about the whole
    service: whatever operation shows it.
    """
    if families_of(found.cwe).isdisjoint(families_of((label.cwe,))):
        return False
    return _is_at(label, found) or _is_shown(label, found)


def place_of(label: Label) -> str:
    """`app.py:110 (POST /login)`."""
    route = f" ({label.route.method} {label.route.path})" if label.route else ""
    return f"{label.file}:{label.line}{route}"


def _is_at(label: Label, found: Finding) -> bool:
    place = found.location
    first, last = place.line or 0, max(place.line or 0, place.end_line or 0)
    return place.path == label.file and first - SLACK_LINES <= label.line <= last + SLACK_LINES


def _is_shown(label: Label, found: Finding) -> bool:
    place, route = found.location, label.route
    if place.url is None or route is None:
        return place.url is not None
    return place.url == route.path and place.method in (None, route.method)
