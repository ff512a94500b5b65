"""Pictures: plain data in, one accessible SVG out. Colour is never the only sign."""

from reports.pictures.drawing import Picture
from reports.pictures.forest import ForestRow, forest_plot
from reports.pictures.gantt import Span, gantt, lower_bound
from reports.pictures.latency import LatencyRow, latency_plot
from reports.pictures.ranks import critical_difference
from reports.pictures.severities import SeverityRow, severity_bars
from reports.pictures.states import StateRow, heat_map

__all__ = [
    "ForestRow",
    "LatencyRow",
    "Picture",
    "SeverityRow",
    "Span",
    "StateRow",
    "critical_difference",
    "forest_plot",
    "gantt",
    "heat_map",
    "latency_plot",
    "lower_bound",
    "severity_bars",
]
