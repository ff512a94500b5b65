"""A fleet's report as its page shows it: apps by model, the matrix as a grid, pictures by name."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from contract.analysis import Category, MeasurementState, Severity
from contract.spec import AppRef
from reports.counts import FindingTally
from reports.glance import Glance
from reports.model import FleetReport
from reports.names import CSV_NAME, app_page_name
from reports.parts import ModelLoad, ModelReport
from reports.pictures.drawing import Picture
from reports.pictures.of_fleet import columns_of, loads, run, states
from reports.pictures.of_study import of_study
from reports.speed import SUMMARISED
from reports.summary import AppSummary
from reports.view_matrix import GridField, by_analyzer, grid, in_blocks
from reports.view_study import StudyView

# Apps that stand open at first, apps whose details are parsed before somebody opens them, and apps
# that have details at all; of more, each is one line of a table.
_OPEN_APPS, _APPS_IN_DOM, _APPS_WITH_DETAILS = 8, 24, 600


@dataclass(frozen=True, slots=True)
class AppLine:
    """One app on the page of its fleet.

    Attributes:
        page: its own page beside this one; empty: there is none.
        grids: its row in each block of the matrix.
    """

    app: AppSummary
    glance: Glance
    anchor: str
    page: str
    grids: tuple[tuple[GridField, ...], ...]

    @property
    def security(self) -> FindingTally | None:
        """Its security findings, counted."""
        return security_of(self.app.findings)

    @property
    def left_out(self) -> int:
        """Findings that only its own page has."""
        return self.glance.total - len(self.glance.shown)


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


class FleetView:
    """The report as the page's template walks through it."""

    def __init__(
        self, report: FleetReport, glances: Mapping[AppRef, Glance], beside: Collection[str]
    ) -> None:
        self.states = tuple(MeasurementState)
        self.severities = tuple(Severity)
        self.open_apps = len(report.apps) <= _OPEN_APPS
        self.lazy = len(report.apps) > _APPS_IN_DOM
        self.details = len(report.apps) <= _APPS_WITH_DETAILS
        self.has_csv = CSV_NAME in beside
        self.security = security_of(report.totals.findings)
        self.security_of = security_of
        self.rates = [rate for rate in report.totals.rates if rate.bounds or rate.name != "runs"]
        self.rate_names = {rate.name for rate in self.rates}
        self.left_out = tuple(dict.fromkeys(name for r in self.rates for name in r.left_out))
        self.load = _load_tables(report.models)
        self.has_fields = bool(glances) and all(one.fields for one in glances.values())
        self.blocks = in_blocks(by_analyzer(columns_of(report.matrix))) if self.has_fields else ()
        self.models: defaultdict[str, list[AppLine]] = defaultdict(list)
        for index, app in enumerate(report.apps):
            self.models[app.ref.model].append(self._line(index, app, glances, beside))
        self.study = StudyView(report.study) if report.study else None
        self.states_picture = None if self.has_fields or not report.matrix else states(report)
        self.load_pictures = tuple(loads(report.apps))
        self.run_picture = run(report)
        self.pictures: dict[str, Picture] = {
            picture.name: picture for picture in (of_study(report.study) if report.study else ())
        }

    def _line(
        self,
        index: int,
        app: AppSummary,
        glances: Mapping[AppRef, Glance],
        beside: Collection[str],
    ) -> AppLine:
        glance = glances.get(app.ref, Glance())
        page = app_page_name(app.ref)
        return AppLine(
            app=app,
            glance=glance,
            anchor=f"app-{index}",
            page=page if page in beside else "",
            grids=tuple(grid(glance.fields, block) for block in self.blocks),
        )


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
