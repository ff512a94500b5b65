"""Single figures of an app, for its summary. None where they were not measured. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from contract.analysis import MeasurementState, Metric
from reports.judge_agreement import JudgeAgreement
from reports.model import AppReport, CellReport, Score

_LINES = "lines_of_code"
# Data, settings and prose: nobody counts them among the code of an app.
_NOT_CODE = frozenset(
    {"csv", "ini", "json", "markdown", "properties", "restructuredtext", "text", "text only"}
    | {"toml", "xml", "yaml"}
)
_SCORE_UNITS = frozenset({"score", "ratio"})
_MEASURED = MeasurementState.MEASURED


def kloc(cells: Iterable[CellReport]) -> float | None:
    """Thousands of lines of own code, without comments, blanks, data, settings and prose."""
    for cell in cells:
        lines = [metric for metric in cell.report.metrics if metric.name == _LINES]
        if cell.state is _MEASURED and lines:
            return round(sum(metric.value for metric in lines if _is_code(metric)) / 1_000, 3)
    return None


def _is_code(metric: Metric) -> bool:
    """Whether it is a count of one programming language; the one without a target is the sum."""
    return bool(metric.target) and metric.target.lower() not in _NOT_CODE


def scores_by_name(scores: Iterable[Score]) -> dict[str, float]:
    """What judges gave: the score of the panel, or the mean over judges where there is none."""
    groups: defaultdict[str, list[Score]] = defaultdict(list)
    for score in scores:
        if score.unit in _SCORE_UNITS:
            groups[score.name].append(score)
    return {name: _score(mine) for name, mine in groups.items()}


def _score(scores: Sequence[Score]) -> float:
    of_panel = [score.value for score in scores if not score.target]
    return round(fmean(of_panel or [score.value for score in scores]), 6)


def agreement(app: AppReport) -> dict[str, float | None]:
    """Krippendorff's alpha of the judges of one app, by name of the score."""
    judges = JudgeAgreement()
    judges.add(app)
    return {one.name: one.alpha for one in judges.result().get(None, ())}


def cost_usd(cells: Iterable[CellReport]) -> float | None:
    """What the judges cost; None: none was asked, or the price of one answer is not known."""
    asked = [cell for cell in cells if cell.analyzer.row.figures == "scores"]
    measured = [cell for cell in asked if cell.state is _MEASURED]
    if not measured or any(cell.state is MeasurementState.INFRA_FAILED for cell in asked):
        return None
    prices: list[float] = []
    for cell in measured:
        paid = {one.target: one.value for one in cell.report.metrics if one.name == "cost"}
        called = {one.target for one in cell.report.metrics if one.name == "calls"}
        if called - paid.keys() or not paid:
            return None
        prices += paid.values()
    return round(sum(prices), 6)


def span(cells: Iterable[CellReport]) -> tuple[datetime, datetime] | None:
    """From the first to the last moment at which a tool worked on the app.

    Reports that were reused did no work; tools that say no time are left out.
    """
    times = [
        (how.started_at, how.started_at + timedelta(seconds=how.duration_s))
        for cell in cells
        if not cell.cached and (how := cell.report.provenance).started_at is not None
    ]
    return (min(start for start, _ in times), max(end for _, end in times)) if times else None
