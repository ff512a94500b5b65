"""A whole pipeline in counts, without its apps: as fast to read for ten thousand as for ten."""

from contract.analysis import MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
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


class PipelineOverview(Frozen):
    """One pipeline in counts."""

    listing: PipelineListing
    apps: tuple[AppsCount, ...] = ()
    cells: tuple[CellsCount, ...] = ()
