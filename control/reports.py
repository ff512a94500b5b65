"""Written reports of pipelines, as they lie in the data folder."""

from pathlib import Path

from pydantic import ValidationError

from control.errors import DamagedReportError, NoReportError
from reports.model import FleetReport


def report_path(data_dir: Path, pipeline_id: str, suffix: str) -> Path:
    """Where the report of a pipeline is written."""
    return data_dir / "reports" / pipeline_id / f"report.{suffix}"


def read_report(data_dir: Path, pipeline_id: str) -> FleetReport:
    """The written report.

    Raises:
        NoReportError: there is none yet.
        DamagedReportError: it is not whole.
    """
    path = report_path(data_dir, pipeline_id, "json")
    try:
        return FleetReport.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoReportError(pipeline_id, path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        cause = f"{place}: {first['msg']}" if place else first["msg"]
        raise DamagedReportError(pipeline_id, path, cause) from error
