"""A small pipeline's report in memory, with the documents of its apps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contract.analysis import MeasurementState
from contract.record import PipelineRecord
from contract.spec import AppRef
from reports.build import app_reports
from reports.facts import FleetFacts, Overview
from reports.files import ReportFiles
from reports.glance import Glances
from reports.html import render_app, render_html
from reports.known import Known
from reports.model import AppReport, CellReport, FleetReport
from reports.names import CSV_NAME
from reports.parts import Effort, MissingGroup, ModelReport, PipelineFacts, ToolUse, Totals

NOTHING = Known()


@dataclass(frozen=True)
class Whole:
    """A report and all that lies beside it.

    Attributes:
        fleet: `report.json`.
        apps: the document of each app, whatever its role.
        facts: what they were made with.
    """

    fleet: FleetReport
    apps: tuple[AppReport, ...]
    facts: FleetFacts

    @property
    def cells(self) -> tuple[CellReport, ...]:
        """All cells of all apps."""
        return tuple(cell for app in self.apps for cell in app.cells)

    @property
    def verdict(self) -> str:
        """As in `fleet`."""
        return self.fleet.verdict

    @property
    def pipeline(self) -> PipelineFacts:
        """As in `fleet`."""
        return self.fleet.pipeline

    @property
    def totals(self) -> Totals:
        """As in `fleet`."""
        return self.fleet.totals

    @property
    def effort(self) -> Effort:
        """As in `fleet`."""
        return self.fleet.effort

    @property
    def models(self) -> tuple[ModelReport, ...]:
        """As in `fleet`."""
        return self.fleet.models

    @property
    def matrix(self) -> dict[str, dict[str, MeasurementState]]:
        """As in `fleet`."""
        return self.fleet.matrix

    @property
    def missing(self) -> tuple[MissingGroup, ...]:
        """As in `fleet`."""
        return self.fleet.missing

    @property
    def tools(self) -> tuple[ToolUse, ...]:
        """As in `fleet`."""
        return self.fleet.tools

    @property
    def generated_at(self) -> datetime:
        """As in `fleet`."""
        return self.fleet.generated_at

    def app(self, ref: AppRef) -> AppReport:
        """The document of one app."""
        return next(app for app in self.apps if app.ref == ref)

    @cached_property
    def page(self) -> str:
        """`report.html`, with nothing beside it."""
        glances = Glances()
        for app in self.apps:
            glances.add(app)
        return render_html(self.fleet, glances.result())

    def app_page(self, ref: AppRef | None = None) -> str:
        """Page of one app (the first one), with nothing beside it."""
        return render_app(self.app(ref) if ref else self.apps[0])

    @cached_property
    def csv(self) -> str:
        """`cells.csv`."""
        return self.files[CSV_NAME].decode()

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Each file of the report."""
        return files_of(self)


def files_of(whole: Whole, beside: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Each file of the report; `beside`: files that lie there already."""
    maker = ReportFiles(whole.facts)
    files = dict(maker.heads())
    for app in whole.apps:
        maker.add(app)
        files |= dict(maker.of_app(app, beside))
        for name, more in maker.rows(app):
            files[name] += more
    return files | dict(maker.of_fleet({*files, *beside}))


def whole(record: PipelineRecord, generated_at: datetime, known: Known = NOTHING) -> Whole:
    """The report of a pipeline whose record is in memory."""
    facts = facts_of(record, generated_at)
    maker = ReportFiles(facts)
    apps = tuple(app_reports(record, facts, known))
    for app in apps:
        maker.add(app)
    return Whole(maker.report(), apps, facts)


def facts_of(record: PipelineRecord, generated_at: datetime) -> FleetFacts:
    """What is fleet-wide about a pipeline whose record is in memory."""
    return Overview.of(record, generated_at).facts()
