"""Written reports, and what they say to a script: the exit code of a pipeline."""

import json
from pathlib import Path
from typing import Any

from cli.errors import UserError
from cli.exits import Exit
from cli.program import command
from contract.analysis import NO_SOURCE, MeasurementState
from contract.progress import PipelinePhase

_STATES = frozenset(state.value for state in MeasurementState)
_BY_PHASE = {
    PipelinePhase.CANCELLED.value: Exit.CANCELLED,
    PipelinePhase.FAILED.value: Exit.FAILED,
}


def report_path(data_dir: Path, pipeline_id: str, suffix: str) -> Path:
    """Where the report of a pipeline is written."""
    return data_dir / "reports" / pipeline_id / f"report.{suffix}"


def read_report(data_dir: Path, pipeline_id: str) -> dict[str, Any]:
    """The written report.

    Raises:
        UserError: there is none yet, or it is not whole.
    """
    path = report_path(data_dir, pipeline_id, "json")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no report of pipeline {pipeline_id} at {path}",
            next_step=f"{command(f'status {pipeline_id}')} says whether it still runs",
        ) from error
    except ValueError as error:
        raise _damaged(path, pipeline_id, str(error)) from error
    if not isinstance(report, dict) or not {"pipeline", "apps", "cells"} <= report.keys():
        raise _damaged(path, pipeline_id, "it has no pipeline, apps and cells")
    return report


def verdict(report: dict[str, Any], *, strict: bool = False) -> Exit:
    """The exit code that the pipeline of this report deserves.

    Args:
        report: as `read_report` gives it.
        strict: a cell that the platform failed is no success, but for those whose source outside
            gave no answer: without them apps count as measured, too.
    """
    ended = _BY_PHASE.get(report["pipeline"].get("state"))
    states = [cell["state"] for cell in report["cells"]]
    if ended is not None:
        return ended
    if not states or not _STATES.issuperset([*states, *(app["state"] for app in report["apps"])]):
        return Exit.FAILED
    if MeasurementState.MEASURED not in states:
        return Exit.NOTHING_MEASURED
    return Exit.INCOMPLETE if strict and any(map(_is_lacking, report["cells"])) else Exit.OK


def _is_lacking(cell: dict[str, Any]) -> bool:
    failed = cell["state"] == MeasurementState.INFRA_FAILED
    return failed and not str(cell.get("reason", "")).startswith(NO_SOURCE)


def of_phase(phase: PipelinePhase) -> Exit:
    """The exit code of a pipeline whose report cannot be read from here."""
    return _BY_PHASE.get(phase, Exit.OK)


def _damaged(path: Path, pipeline_id: str, cause: str) -> UserError:
    retry = command(f"retry {pipeline_id} MODEL/appN")
    return UserError(
        f"{path} is damaged: {cause}",
        next_step=f"{retry} measures an app again and writes the report anew",
    )
