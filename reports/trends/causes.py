"""What else changed at the pipeline where a figure did: then the app need not be the cause."""

import math
from collections.abc import Sequence
from statistics import median

from contract.analyzers import AnalyzerKind
from reports.trends.scales import Scale
from reports.trends.series import Point

_HOST, _HALF = 1.2, 0.5


def elsewhere(cell: str, scale: Scale, used: Sequence[Point], at: int, shift: float) -> str:
    """In words; empty: nothing that is known.

    Args:
        cell: whose figure it is.
        scale: of the figure.
        used: measurements that count.
        at: place of the first one behind the change.
        shift: of the change, on its scale.
    """
    before, behind = used[:at], used[at:]
    return (
        _source(cell, before[-1], behind[0])
        or _code(before, behind)
        or _host(scale, used, at, shift)
    )


def _source(cell: str, last: Point, first: Point) -> str:
    """An analyzer that reads the source alone finds the same in the same source."""
    if AnalyzerKind(cell.partition("/")[0]).is_live or not last.source:
        return ""
    if last.source != first.source:
        return ""
    return "it only reads the source, which is the same: what the tool knows or says is not"


def _code(before: Sequence[Point], behind: Sequence[Point]) -> str:
    earlier, later = ({point.code for point in some} for some in (before, behind))
    if "" in earlier | later or earlier & later:
        return ""
    return "Assay's own code for it is another one since then"


def _host(scale: Scale, used: Sequence[Point], at: int, shift: float) -> str:
    """A host that is so much slower, or faster, that it says half of the change or more."""
    hosts = [[point.host for point in some if point.host] for some in (used[:at], used[at:])]
    if not all(hosts):
        return ""
    ratio = median(hosts[1]) / median(hosts[0])
    worse = (shift > 0) == scale.more_is_worse
    least = _HALF * abs(shift) if scale.kind == "log" else math.log(_HOST)
    if (ratio < 1) != worse or abs(math.log(ratio)) < least:
        return ""
    return f"the host sends {ratio:.2g} times as much by itself since then"
