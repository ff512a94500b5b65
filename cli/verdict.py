"""The exit code of a pipeline: what scripts learn of how it ended."""

from collections.abc import Mapping

from cli.exits import Exit
from contract.progress import PipelinePhase
from reports.model import FleetReport

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
    if not report.totals.cells.total or any(app.state is None for app in report.apps):
        return Exit.FAILED
    if not report.totals.cells.measured:
        return Exit.NOTHING_MEASURED
    lacking = any(app.lacking for app in report.apps)
    return Exit.INCOMPLETE if strict and lacking else Exit.OK


def of_phase(phase: PipelinePhase) -> Exit:
    """The exit code of a pipeline whose report cannot be read from here."""
    return _BY_PHASE.get(phase, Exit.OK)
