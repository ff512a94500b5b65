"""Pictures of an app's figures over pipelines, drawn here: they need no script."""

from control.regression_documents import AppTrends
from reports.pictures.drawing import Picture
from reports.pictures.history import HistoryDot, history_line
from reports.trends.model import FINDINGS, Trend, TrendState

_MOST = 8


def pictures_of(document: AppTrends) -> tuple[Picture, ...]:
    """What changed, and load figures: a line that never moves needs no picture."""
    told = _told(document)[:_MOST]
    return tuple(_picture(at, trend) for at, trend in enumerate(told))


def left_out(document: AppTrends) -> int:
    """How many figures more have something to be drawn."""
    return len(_told(document)[_MOST:])


def _told(document: AppTrends) -> list[Trend]:
    drawn = (trend for trend in document.trends if _is_drawn(trend))
    return sorted(drawn, key=lambda trend: trend.state is not TrendState.CHANGED)


def _is_drawn(trend: Trend) -> bool:
    known = sum(point.value is not None for point in trend.series)
    return known > 1 and (trend.state is TrendState.CHANGED or trend.figure != FINDINGS)


def _picture(at: int, trend: Trend) -> Picture:
    dots = [HistoryDot(dot.pipeline_id, dot.value, not dot.reason) for dot in trend.series]
    title = f"{trend.cell}: {trend.figure.replace('_', ' ')}"
    return history_line(f"trend-{at}", title, trend.unit, dots, trend.since)
