"""What stands in for cells that were expected and never came. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from contract.record import AppRecord, PipelineRecord

Item = TypeVar("Item")


def filled(
    tools: Sequence[str],
    recorded: Mapping[str, Item],
    *,
    missing: Callable[[str], Item],
    as_tool: Callable[[Item, str], Item],
) -> Iterator[Item]:
    """What one analyzer has of one app for each of `tools`, without holes.

    An analyzer that left nothing has one item `*` that stands for all its tools.

    Args:
        tools: those of the fleet.
        recorded: what there is, by tool.
        missing: makes the stand-in of a tool.
        as_tool: makes of the item that stands for all tools that of one of them.
    """
    if not recorded:
        yield missing(ALL_TOOLS)
        return
    whole = recorded.get(ALL_TOOLS)
    if whole is not None and len(recorded) == 1:
        yield whole
        return
    for tool in tools:
        if tool in recorded:
            yield recorded[tool]
        else:
            yield missing(tool) if whole is None else as_tool(whole, tool)


def why_missing(
    record: PipelineRecord, app: AppRecord, analyzer: AnalyzerKind, *, imported: bool = False
) -> tuple[MeasurementState, str]:
    """State and reason of a cell of this app that never came; `imported`: of such a tool."""
    if imported:
        return MeasurementState.NOT_APPLICABLE, "no log of this tool was imported for this app"
    infra = MeasurementState.INFRA_FAILED
    if app.state is MeasurementState.APP_FAILED and analyzer.is_live:
        return app.state, app.reason or "the app did not run"
    if app.state is None:
        return infra, not_run_reason(record)
    return infra, app.reason or "no result was recorded"


def not_run_reason(record: PipelineRecord) -> str:
    """Why an app of this pipeline has no result yet, or will never have one."""
    if record.state == "running":
        return "not finished: the pipeline is still running"
    return f"not run: pipeline {record.state}"
