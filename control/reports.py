"""Written reports of pipelines, as they lie in the data folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from contract.backup import IMPORTED
from contract.base import Frozen
from control.errors import DamagedReportError, NoReportError, OldReportError
from reports.model import SCHEMA_VERSION, AppReport, FleetReport

Document = TypeVar("Document", bound=Frozen)


class _Version(BaseModel):
    schema_version: str = ""


def report_path(data_dir: Path, pipeline_id: str, suffix: str) -> Path:
    """Where the report of a pipeline is written."""
    return report_folder(data_dir, pipeline_id) / f"report.{suffix}"


def report_folder(data_dir: Path, pipeline_id: str) -> Path:
    """The folder of the report and all that lies beside it."""
    return data_dir / "reports" / pipeline_id


def exports_folder(data_dir: Path, pipeline_id: str) -> Path:
    """The folder of other forms of the report, where nobody names one."""
    return data_dir / "exports" / pipeline_id


def imported_folder(data_dir: Path, pipeline_id: str) -> Path:
    """Where the sources of an archive are that this pipeline measures again."""
    return data_dir / IMPORTED / pipeline_id


def read_report(data_dir: Path, pipeline_id: str) -> FleetReport:
    """The written report of the fleet.

    Raises:
        NoReportError: there is none yet.
        OldReportError: another version wrote it.
        DamagedReportError: it is not whole.
    """
    return read_document(pipeline_id, report_path(data_dir, pipeline_id, "json"), FleetReport)


def read_apps(data_dir: Path, report: FleetReport) -> Iterator[AppReport]:
    """The document of each app that the report is about, one after another.

    Raises:
        DamagedReportError: one is not whole, or belongs to a report that is being written now.
    """
    for app in report.apps:
        yield read_app(data_dir, report, app.name)


def read_app(data_dir: Path, report: FleetReport, name: str) -> AppReport:
    """The document of one app; `name` as in its summary.

    Raises:
        OldReportError: another version wrote it.
        DamagedReportError: it is not there, not whole, or belongs to a report that is being written
            now.
    """
    pipeline_id = report.pipeline.id
    path = report_folder(data_dir, pipeline_id) / "apps" / f"{name}.json"
    try:
        app = read_document(pipeline_id, path, AppReport)
    except NoReportError as error:
        raise DamagedReportError(
            pipeline_id, path, "the report names it, and it is gone"
        ) from error
    if app.generated_at != report.generated_at:
        raise DamagedReportError(pipeline_id, path, "it belongs to another writing of the report")
    return app


def read_document(pipeline_id: str, path: Path, kind: type[Document]) -> Document:
    """A document of a written report.

    Raises:
        NoReportError: there is none.
        OldReportError: another version wrote it.
        DamagedReportError: it is not whole.
    """
    try:
        data = path.read_bytes()
        version = _Version.model_validate_json(data).schema_version
        if version != SCHEMA_VERSION:
            raise OldReportError(pipeline_id, path, version)
        return kind.model_validate_json(data)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoReportError(pipeline_id, path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        cause = f"{place}: {first['msg']}" if place else first["msg"]
        raise DamagedReportError(pipeline_id, path, cause) from error
