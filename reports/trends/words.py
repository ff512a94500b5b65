"""What a trend says, in words that are the same wherever they are shown."""

from reports.formats import quantity
from reports.trends.model import Direction, Trend, TrendState

_TITLES = {
    TrendState.CHANGED: "changed",
    TrendState.DRIFTING: "drifting",
    TrendState.UNCHANGED: "unchanged",
    TrendState.TOO_FEW: "not enough measurements",
    TrendState.NOT_COMPARABLE: "not comparable",
}


def titled(state: TrendState) -> str:
    """A state for people."""
    return _TITLES[state]


def said(trend: Trend) -> str:
    """All that is known of a figure, in one line.

    A change of counts from nothing has no ratio: both levels are told.
    """
    if trend.state is TrendState.CHANGED:
        other = f"; {trend.elsewhere}" if trend.elsewhere else ""
        return f"{_size(trend)} since {trend.since}{_source(trend)}{other}"
    if trend.state is TrendState.DRIFTING:
        return f"{_size(trend)}, little by little"
    if trend.state is TrendState.UNCHANGED:
        return f"unchanged within {trend.within or 0:.0%}" if trend.within else "always the same"
    why = f": {trend.reason}" if trend.reason else ""
    if trend.state is TrendState.TOO_FEW and trend.needed:
        return f"{trend.points} measurements, {trend.needed} are needed{why}"
    return titled(trend.state) + why


def amount(value: float | None, unit: str) -> str:
    """A level for people, with its unit: `32.53 MiB`, `1.23 %`, `25 requests/s`."""
    return quantity(value, "requests/s" if unit == "1/s" else unit)


def named(figure: str) -> str:
    """A figure for people."""
    return figure.replace("_", " ")


def _size(trend: Trend) -> str:
    way = "worse" if trend.direction is Direction.WORSE else "better"
    levels = " to ".join(amount(level, trend.unit) for level in (trend.before, trend.after))
    if trend.ratio is None:
        return f"{way}: {levels}"
    ends = f" ({trend.low:.2f} to {trend.high:.2f})" if trend.low and trend.high else ""
    return f"{way}: x{trend.ratio:.2f}{ends}, {levels}"


def _source(trend: Trend) -> str:
    if trend.source_changed is None:
        return ""
    return ", with another source" if trend.source_changed else ", with the same source"
