"""Questions about the cells of a pipeline, and the answers: its matrix, some apps at a time."""

from typing import Annotated, NamedTuple

from pydantic import Field

from contract.analysis import Category, Coverage, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.role import AppRole
from contract.spec import AppRef, PipelineId

ROWS_LIMIT = 200
TEXT_LIMIT = 200


class CellsQuery(Frozen):
    """Which apps of a pipeline are wanted, with their cells. An empty field excludes nothing.

    Values of one field are alternatives; all fields must hold.

    Attributes:
        states: of the app as a whole; None: it has not ended.
        roles: why the app is in the pipeline.
        text: in `model/appN`, in the name of its template, or in the reason of its state; upper and
            lower case are the same.
        after: of the page before; empty: the first page.
        limit: apps per page, at most 200.
    """

    pipeline_id: PipelineId
    models: tuple[str, ...] = ()
    states: tuple[MeasurementState | None, ...] = ()
    roles: tuple[AppRole, ...] = ()
    text: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    after: str = ""
    limit: Annotated[int, Field(ge=1, le=ROWS_LIMIT)] = 100


class CellLine(NamedTuple):
    """One cell, without what its tool reported in full.

    Attributes:
        looks_for: categories that its tool looks for there; None: its report does not say.
        imported: it was read from a log of somebody else.
        findings: how many its tool made, also those that are not listed; of a cell that was not
            measured this says nothing.
        partial: its tool looked at a part of what it was given.
    """

    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    reason: str = ""
    looks_for: tuple[Category, ...] | None = None
    imported: bool = False
    findings: int = 0
    partial: bool = False


def is_partial(coverage: Coverage | None) -> bool:
    """Whether a tool looked at a part of what it was given."""
    if coverage is None:
        return False
    left = 0 if coverage.given is None else coverage.given - coverage.reached
    return bool(coverage.skipped) or max(coverage.skipped_total, left) > 0


class AppCells(NamedTuple):
    """One app and its cells.

    Attributes:
        position: its place in the fleet, counted from 0.
        analyzers: those that look at it; None: those of the spec.
        state: None while it has not ended.
    """

    position: int
    ref: AppRef
    role: AppRole
    template: str | None
    analyzers: tuple[AnalyzerKind, ...] | None
    state: MeasurementState | None
    reason: str
    cells: tuple[CellLine, ...]


class ToolSeen(NamedTuple):
    """A tool that has a cell on any app of the pipeline, and what its cells say of it."""

    analyzer: AnalyzerKind
    tool: str
    looks_for: tuple[Category, ...] | None = None
    imported: bool = False


class CellsPage(NamedTuple):
    """Apps in the order of the plan.

    Attributes:
        state: of the pipeline.
        asked: the analyzers of its spec.
        tools: all that have a cell on any app.
        after: where the next page begins; None: this is the last one.
        matching: apps on all pages.
    """

    state: str
    asked: tuple[AnalyzerKind, ...]
    tools: tuple[ToolSeen, ...]
    apps: tuple[AppCells, ...]
    after: str | None
    matching: int
