"""The files of one report, made while its apps are read one after another. Pure.

`ReportFiles` is where the forms of a report are plugged in: what is written of an app, what is
added to a table, what is written of the fleet at the end.
"""

from collections.abc import Collection, Iterator

from contract.spec import AppRole
from reports.baseline_results import BaselineReport
from reports.export import render_json
from reports.facts import FleetFacts
from reports.fleet import FleetBuilder
from reports.glance import Glances
from reports.html import render_app, render_html
from reports.model import AppReport, FleetReport
from reports.names import (
    CSV_NAME,
    FLEET_SARIF_NAME,
    HTML_NAME,
    JSON_NAME,
    app_page_name,
    document_name,
    fleet_name,
    github_sarif_name,
    sarif_name,
)
from reports.sarif import to_sarif, written
from reports.sarif_category import has_whole_fleet
from reports.sarif_fleet import FleetSarif
from reports.sarif_github import github_sarif
from reports.scaffold import Scaffolds
from reports.study.model import Study
from reports.suppressions import Decisions
from reports.tables.cells import CELLS
from reports.tables.schema import OneApp
from reports.tables.sheet import csv_head, csv_lines

File = tuple[str, bytes]
"""Name below the folder of the report (`apps/m-app1.json`), and content."""


class ReportFiles:
    """Makes the files of a report. Takes seconds for many apps: not for an event loop."""

    def __init__(self, facts: FleetFacts, decisions: Decisions | None = None) -> None:
        self._fleet = FleetBuilder(facts, decisions)
        self._glances = Glances()
        outline = facts.outline
        whole = has_whole_fleet(outline)
        self._alerts = FleetSarif(outline.pipeline_id, fleet_name(outline.spec), whole=whole)

    @property
    def facts(self) -> FleetFacts:
        """What is known of the fleet so far."""
        return self._fleet.facts

    def believe(self) -> None:
        """Trust no tool that missed what it must see on control apps, which have been added."""
        self._fleet.facts = self.facts.voided(self._fleet.controls.void())

    def scaffolds(self) -> Scaffolds:
        """What the apps began as, once the scaffolds have been added."""
        return self._fleet.scaffolds.result()

    def heads(self) -> Iterator[File]:
        """What each table begins with; `rows` are added to it."""
        yield CSV_NAME, csv_head(CELLS)

    def add(self, app: AppReport) -> None:
        """Take an app into account; controls before subjects, subjects in the order of the plan."""
        self._fleet.add(app)
        self._alerts.add(app)
        if app.role is AppRole.SUBJECT:
            self._glances.add(app)

    def rows(self, app: AppReport) -> Iterator[File]:
        """What is added to the tables for an app."""
        yield CSV_NAME, csv_lines(CELLS, OneApp(app))

    def of_app(self, app: AppReport, beside: Collection[str] = ()) -> Iterator[File]:
        """The files of one app; `beside`: names of its logs that lie in the folder."""
        names = set(beside)
        for name, content in (
            (document_name(app.ref), render_json(app)),
            *sarif_files(app, self.facts),
        ):
            names.add(name)
            yield name, content
        yield app_page_name(app.ref), render_app(app, names).encode()

    def of_fleet(
        self, beside: Collection[str], baseline: BaselineReport | None = None
    ) -> dict[str, bytes]:
        """The files of the fleet.

        Args:
            beside: names of all files that lie in the folder.
            baseline: what an earlier pipeline says of its weaknesses.
        """
        report = self.report(baseline, self._fleet.study())
        alerts = self._alerts.result()
        of_sarif = {} if alerts is None else {FLEET_SARIF_NAME: alerts}
        page = render_html(report, self._glances.result(), {*beside, *of_sarif})
        return {**of_sarif, HTML_NAME: page.encode(), JSON_NAME: render_json(report)}

    def report(
        self, baseline: BaselineReport | None = None, study: Study | None = None
    ) -> FleetReport:
        """The report of the apps so far."""
        return self._fleet.report(baseline, study)


def sarif_files(app: AppReport, facts: FleetFacts) -> Iterator[File]:
    """Two logs of an app that has cells; one log if nothing was measured.

    What apps in other roles have is nobody's alert.
    """
    if not app.cells:
        return
    baseline = str(facts.outline.spec.get("baseline") or "")
    yield sarif_name(app.ref), written(to_sarif(app, baseline))
    if app.role is not AppRole.SUBJECT:
        return
    if (upload := github_sarif(app)) is not None:
        yield github_sarif_name(app.ref), upload
