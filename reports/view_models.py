"""The models of a fleet side by side, as a page shows them: rates, figures, load and pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contract.analysis import Category, MeasurementState, Severity
from reports.counts import FindingTally
from reports.parts import ModelLoad, ModelReport, Totals
from reports.pictures.drawing import Picture
from reports.pictures.of_study import INTERVALS, RANKS, RATIOS, SEVERITIES, intervals_name, of_study
from reports.speed import SUMMARISED
from reports.study.model import Study
from reports.view_study import StudyView


@dataclass(frozen=True, slots=True)
class LoadTable:
    """What one load test says of each model."""

    tool: str
    rows: tuple[tuple[str, ModelLoad], ...]

    @property
    def columns(self) -> list[str]:
        """Metrics of the table; throughput at an objective replaces throughput at any load."""
        present = {name for _, load in self.rows for name in load.figures}
        if "throughput_at_objective" in present:
            present.discard("throughput")
        return [name for name in SUMMARISED if name in present]


class ModelsView:
    """The models as templates walk through them.

    Args:
        models: each model.
        totals: of all of them together.
        study: of all of them.
    """

    def __init__(self, models: Sequence[ModelReport], totals: Totals, study: Study) -> None:
        self.states = tuple(MeasurementState)
        self.severities = tuple(Severity)
        self.security = security_of(totals.findings)
        self.security_of = security_of
        self.rates = [rate for rate in totals.rates if rate.bounds or rate.name != "runs"]
        self.rate_names = {rate.name for rate in self.rates}
        self.left_out = tuple(dict.fromkeys(name for r in self.rates for name in r.left_out))
        self.load = _load_tables(models)
        self.study = StudyView(study)
        self._draw(tuple(of_study(study)))

    def _draw(self, drawn: Iterable[Picture]) -> None:
        """The pictures: one of measures stands open, the others wait."""
        drawn = list(drawn)
        first = intervals_name(self.study.headline) if self.study.headline else ""
        measures = [one for one in drawn if one.name.startswith(INTERVALS)]
        self.headline = next((one for one in measures if one.name == first), None)
        self.intervals = [one for one in measures if one.name != first]
        self.ranks = [one for one in drawn if one.name.startswith(RANKS)]
        self.ratios = [one for one in drawn if one.name.startswith(RATIOS)]
        self.bars = next((one for one in drawn if one.name == SEVERITIES), None)


def security_of(tallies: Sequence[FindingTally]) -> FindingTally | None:
    """The tally of security findings among several."""
    return next((found for found in tallies if found.category is Category.SECURITY), None)


def _load_tables(models: Sequence[ModelReport]) -> tuple[LoadTable, ...]:
    """A table per load test, the models beneath one another."""
    tools = dict.fromkeys(load.tool for model in models for load in model.load)
    rows = {
        tool: tuple(
            (model.model, load) for model in models for load in model.load if load.tool == tool
        )
        for tool in tools
    }
    return tuple(
        LoadTable(tool, mine) for tool, mine in rows.items() if any(r.figures for _, r in mine)
    )
