"""The exit code of a pipeline: what scripts learn of how it ended."""

from collections.abc import Collection, Mapping

from cli.errors import UserError
from cli.exits import Exit
from contract.gate import Gate
from contract.progress import PipelinePhase
from reports.gates import Broken, broken
from reports.model import FleetReport

_BY_PHASE: Mapping[str, Exit] = {
    PipelinePhase.CANCELLED: Exit.CANCELLED,
    PipelinePhase.FAILED: Exit.FAILED,
}


# The first of these gates that is broken decides.
_BY_GATE: Mapping[Gate, Exit] = {
    Gate.NEW_HIGH: Exit.NEW_HIGH,
    Gate.HIGH: Exit.HIGH,
    Gate.NOT_MEASURED: Exit.NOT_MEASURED,
}


def verdict(report: FleetReport, *, strict: bool = False, gates: Collection[Gate] = ()) -> Exit:
    """The exit code of the pipeline that this report is of.

    Args:
        report: what was written of it.
        strict: cells that the platform failed count as a failure, but not those whose outside
            source gave no answer: apps count as measured without them.
        gates: what else is to let a build fail.

    Raises:
        UserError: a gate needs a baseline, and there is none.
    """
    ended = _BY_PHASE.get(report.pipeline.state)
    if ended is not None:
        return ended
    if not report.totals.cells.total or any(app.state is None for app in report.apps):
        return Exit.FAILED
    if not report.totals.cells.measured:
        return Exit.NOTHING_MEASURED
    hit = {each.gate for each in broken_gates(report, gates)}
    for gate, code in _BY_GATE.items():
        if gate in hit:
            return code
    lacking = any(app.lacking for app in report.apps)
    return Exit.INCOMPLETE if strict and lacking else Exit.OK


def broken_gates(report: FleetReport, gates: Collection[Gate]) -> tuple[Broken, ...]:
    """The gates that the report breaks.

    Raises:
        UserError: a gate needs a baseline, and there is none.
    """
    require_baseline(gates, report.pipeline.id, report.baseline is not None)
    return broken(report.apps, gates)


def require_baseline(gates: Collection[Gate], pipeline_id: str, there: bool) -> None:
    """Refuse a gate for new weaknesses where nothing says what is new."""
    if Gate.NEW_HIGH in gates and not there:
        raise UserError(
            f"--fail-on new-high: pipeline {pipeline_id} has no baseline",
            next_step="name an earlier pipeline as 'baseline:' in the spec",
        )


def of_phase(phase: PipelinePhase) -> Exit:
    """The exit code of a pipeline whose report cannot be read from here."""
    return _BY_PHASE.get(phase, Exit.OK)
