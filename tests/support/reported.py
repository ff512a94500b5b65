"""The smallest report of a tool that is valid."""

from contract.analysis import Coverage, MeasurementState, ToolReport


def reported(tool: str, state: MeasurementState, reason: str = "it failed") -> ToolReport:
    """A tool that ended in `state`, for `reason` if it measured nothing."""
    if state is MeasurementState.MEASURED:
        return ToolReport(tool=tool, state=state, coverage=Coverage(unit="files", reached=1))
    return ToolReport(tool=tool, state=state, reason=reason)
