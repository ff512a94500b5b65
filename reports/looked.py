"""Whether a tool looked again at the place of a finding, in another pipeline. Pure.

An operation was looked at if it is named among what was reached. Where a list is cut, or names
nothing, only a look that reached as much and left out nothing is as good as a name. What a part of
a tool saw, which was stopped in its middle in the other pipeline, it may have missed by chance.
"""

from collections.abc import Iterable, Iterator

from contract.analysis import Coverage, Finding, SkipCause, Skipped
from reports.model import CellReport
from reports.operations import Named, fits, key_of, named

_FURTHER = "further pages"


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
        missed = _part_missed(_parts_of(found, seeing), before, coverage, when)
        missed = missed or _operation_missed(operation, before, coverage, when)
        missed = missed.replace("{}", "{id}")
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
    reached = set(_named(operation, coverage.items))
    if any(_is_missing(each, reached) for each in _named(operation, left_out)):
        return f"left out {operation} {when}"
    # A new operation could not be reached before: that one was missing then says something only
    # where others were, too.
    if (when == "now" or _is_cut(coverage)) and not _reached_again(operation, before, coverage):
        return f"did not reach {operation} {when}"
    return ""


def _is_cut(coverage: Coverage) -> bool:
    """Whether operations may be missing that nobody names."""
    beyond = coverage.skipped_total > len(coverage.skipped)
    return beyond or any(item.what.endswith(_FURTHER) for item in coverage.skipped)


def _parts_of(found: Finding, seeing: CellReport) -> frozenset[str]:
    """The parts of the tool that saw a finding, in its own words: `wapiti:exec`."""
    witnesses = (witness.partition(":") for witness in found.witnesses)
    return frozenset(part for tool, _, part in witnesses if tool == seeing.tool)


def _part_missed(parts: frozenset[str], before: Coverage, coverage: Coverage, when: str) -> str:
    """Which part was left out that was not before, or is one of these and was not ended."""
    known = {item.what for item in before.skipped}
    for item in coverage.skipped:
        if named(item.what) is None:
            if item.what not in known:
                return f"left out {item.what} {when}"
            if item.what.rpartition(" ")[2] in parts and _is_chance(item, before):
                return f"left out {item.what} {when}, at least in part: {item.reason}"
    return ""


def _is_chance(left_out: Skipped, before: Coverage) -> bool:
    """Whether a part that saw a finding before was not ended at the same service.

    It may have had nothing to do at another service, both times.
    """
    services = {name.service for name in map(named, before.items) if name}
    is_same = left_out in before.skipped and left_out.cause is not SkipCause.PARTIAL
    return not is_same or len(services) < 2


def _is_missing(left_out: Named, reached: set[Named]) -> bool:
    """Whether nothing else stands for a request that was left out.

    Of pages that are alike, tools look at one and name the others as left out.
    """
    alike = {each.request for each in reached if left_out.service in ("", each.service)}
    return not alike or left_out.request in alike


def _reached_again(operation: str, before: Coverage, now: Coverage) -> bool:
    there, here = (
        {each.service for each in _named(operation, coverage.items)} for coverage in (before, now)
    )
    if there or here:
        return there <= here
    return now.reached >= before.reached and not now.skipped_total


def _named(operation: str, told: Iterable[str]) -> Iterator[Named]:
    """Those of these texts that name the operation."""
    names = filter(None, map(named, told))
    return (each for each in names if fits(operation, each.request))
