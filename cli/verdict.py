"""The exit code of a pipeline: what scripts learn of how it ended."""

from collections.abc import Mapping

from cli.exits import Exit
from contract.analysis import MeasurementState
from contract.progress import PipelinePhase
from reports.model import CellReport, FleetReport

_BY_PHASE: Mapping[str, Exit] = {
    PipelinePhase.CANCELLED: Exit.CANCELLED,
    PipelinePhase.FAILED: Exit.FAILED,
}


def verdict(report: FleetReport, *, strict: bool = False) -> Exit:
    """The exit code of the pipeline that this report is of.

    Args:
        report: what was written of it.
        strict: cells that the platform failed count as a failure, but not those whose outside
            source gave no answer: apps count as measured without them.
    """
    ended = _BY_PHASE.get(report.pipeline.state)
    if ended is not None:
        return ended
    states = [cell.state for cell in report.cells]
    if not states or any(app.state is None for app in report.apps):
        return Exit.FAILED
    if MeasurementState.MEASURED not in states:
        return Exit.NOTHING_MEASURED
    return Exit.INCOMPLETE if strict and any(map(_is_lacking, report.cells)) else Exit.OK


def of_phase(phase: PipelinePhase) -> Exit:
    """The exit code of a pipeline whose report cannot be read from here."""
    return _BY_PHASE.get(phase, Exit.OK)


def _is_lacking(cell: CellReport) -> bool:
    return cell.state is MeasurementState.INFRA_FAILED and not cell.report.lacks_source
