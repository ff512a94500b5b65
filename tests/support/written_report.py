"""A report as it lies on a disk, with the documents of the apps that it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from control.reports import read_apps, read_report
from reports.model import AppReport, CellReport, FleetReport


@dataclass(frozen=True)
class Written:
    """A report with its apps' documents.

    Attributes:
        fleet: `report.json`.
        apps: the document of each app that it is about.
    """

    fleet: FleetReport
    apps: tuple[AppReport, ...]

    @property
    def cells(self) -> list[CellReport]:
        """All cells of these apps."""
        return [cell for app in self.apps for cell in app.cells]


def written(data_dir: Path, pipeline_id: str) -> Written:
    """The report in a data folder."""
    fleet = read_report(data_dir, pipeline_id)
    return Written(fleet, tuple(read_apps(data_dir, fleet)))


def written_elsewhere(read: Callable[[str], str]) -> Written:
    """The report in a folder that only `read` reaches: a file's name to its text."""
    fleet = FleetReport.model_validate_json(read("report.json"))
    texts = (read(f"apps/{app.name}.json") for app in fleet.apps)
    return Written(fleet, tuple(map(AppReport.model_validate_json, texts)))
