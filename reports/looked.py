"""Whether a tool looked again at the place of a finding, in another pipeline. Pure.

An operation was looked at if it is named among what was reached. Where a list is cut, or names
nothing, only a look that reached as much and left out nothing is as good as a name.
"""

from collections.abc import Iterable

from contract.analysis import Coverage, Finding
from reports.model import CellReport
from reports.operations import fits, key_of, named


def elsewhere(found: Finding, seeing: CellReport, other: CellReport, when: str) -> str:
    """Why the other look may have left out the place of a finding; empty: it did not.

    Args:
        found: what was seen.
        seeing: the look that saw it.
        other: the look of the same tool in the other pipeline.
        when: the other pipeline, in a word: `then` or `now`.
    """
    before, coverage = seeing.report.coverage, other.report.coverage
    if coverage is None or before is None:
        return f"{seeing.name} does not say what it looked at"
    if not seeing.analyzer.is_live:
        missed = _file_missed(found.location.path, coverage, when)
    elif found.location.url:
        operation = key_of(found.location.method or "GET", found.location.url)
        missed = _operation_missed(operation, before, coverage, when)
    else:
        missed = ""
    return missed and f"{seeing.name} {missed}"


def _file_missed(path: str | None, coverage: Coverage, when: str) -> str:
    if not path:
        return ""
    if any(item.what == path for item in coverage.skipped):
        return f"left out {path} {when}"
    if coverage.skipped_total > len(coverage.skipped):
        return f"left out more files {when} than it names"
    return ""


def _operation_missed(operation: str, before: Coverage, coverage: Coverage, when: str) -> str:
    left_out = [item.what for item in coverage.skipped]
    if _services(operation, left_out):
        return f"left out {operation} {when}"
    parts = {what for what in left_out if named(what) is None}
    if unsaid := sorted(parts.difference(item.what for item in before.skipped)):
        return f"left out {unsaid[0]} {when}"
    # A new operation could not be reached before: only that one is missing now says something.
    if when == "now" and not _reached_again(operation, before, coverage):
        return f"did not reach {operation} now"
    return ""


def _reached_again(operation: str, before: Coverage, now: Coverage) -> bool:
    there, here = _services(operation, before.items), _services(operation, now.items)
    if there or here:
        return there <= here
    return now.reached >= before.reached and not now.skipped_total


def _services(operation: str, told: Iterable[str]) -> set[str]:
    """The services of which these texts name the operation."""
    names = filter(None, map(named, told))
    return {each.service for each in names if fits(operation, each.request)}
