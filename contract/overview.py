"""A whole pipeline in counts, without its apps: as fast to read for ten thousand as for ten."""

from contract.analysis import MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.cells import ToolSeen
from contract.record import PipelineListing
from contract.spec import AppRole


class AppsCount(Frozen):
    """How many apps of a model and role ended in one state.

    Attributes:
        state: None: they have not ended.
        unlisted: those among them whose weaknesses are not listed yet.
        weaknesses: of the others, all categories together.
        security: security weaknesses of the others by severity.
    """

    model: str
    role: AppRole
    state: MeasurementState | None
    apps: int
    unlisted: int = 0
    weaknesses: int = 0
    security: dict[Severity, int] = {}


class CellsCount(Frozen):
    """How many cells of one tool are in one state."""

    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    cells: int


class ToolCells(Frozen):
    """Cells of subjects that one version of a tool left in one state.

    Attributes:
        cells: how many.
        cached: how many of them are reports of an earlier run that were used again.
        tool_seconds: time that the tool spent on the others.
        saved_seconds: time that the cached ones took when they were made.
    """

    analyzer: AnalyzerKind
    tool: str
    version: str
    state: MeasurementState
    cells: int
    cached: int = 0
    tool_seconds: float = 0.0
    saved_seconds: float = 0.0


class LostCells(Frozen):
    """Cells of subjects of one tool that are not measured for the same reason."""

    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    reason: str
    cells: int


class ToolsOverview(Frozen):
    """The tools of a pipeline in counts, as recorded until now.

    Attributes:
        used: by analyzer, tool, version and state.
        lost: the most frequent reasons of cells that the platform failed, the most frequent first.
        rules: digest of the rules by `static/bandit` and version, as far as the newest cells tell.
    """

    used: tuple[ToolCells, ...] = ()
    lost: tuple[LostCells, ...] = ()
    rules: dict[str, str] = {}


class AppsAsked(Frozen):
    """How many apps of a model and role are in one state and for the same analyzers.

    Attributes:
        state: None: they have not ended.
        analyzers: those that look at them; None: those of the spec.
        found: those of them that have not ended, are not listed, and of which tools found something
            already.
    """

    model: str
    role: AppRole
    state: MeasurementState | None
    analyzers: tuple[AnalyzerKind, ...] | None = None
    apps: int
    found: int = 0


class CellsLooked(Frozen):
    """Cells that one tool left in one state on the apps of a model and role.

    Attributes:
        unfinished: those of them that are of apps that have not ended.
        app_failed: those of them that are of apps that failed; 0 of an analyzer that needs no
            running app, of which nobody asks.
        partial: those of them whose tool looked at a part of what it was given.
    """

    model: str
    role: AppRole
    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    cells: int
    unfinished: int = 0
    app_failed: int = 0
    partial: int = 0


class LooksOverview(Frozen):
    """Where the tools of a pipeline should look and where they did, as recorded until now.

    Attributes:
        state: of the pipeline.
        asked: the analyzers of its spec.
        tools: those that have a cell, with what they say of themselves.
    """

    state: str = ""
    asked: tuple[AnalyzerKind, ...] = ()
    apps: tuple[AppsAsked, ...] = ()
    cells: tuple[CellsLooked, ...] = ()
    tools: tuple[ToolSeen, ...] = ()


class PipelineOverview(Frozen):
    """One pipeline in counts.

    Attributes:
        cells: how many cells of each tool are in each state; `control_cells`: those of them that
            are of control apps.
    """

    listing: PipelineListing
    apps: tuple[AppsCount, ...] = ()
    cells: tuple[CellsCount, ...] = ()
    control_cells: tuple[CellsCount, ...] = ()
