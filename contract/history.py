"""What earlier pipelines took: from it a planner says what a new one will take."""

from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class History(Frozen):
    """Figures of recent pipelines; an analyzer that never ran is not in it.

    Attributes:
        pipelines: how many are behind it.
        subtask_s: seconds of each subtask that measured, by analyzer; none that was reused.
        cost_usd: what asking judges cost, per app.
    """

    pipelines: int = 0
    subtask_s: dict[AnalyzerKind, tuple[float, ...]] = {}
    cost_usd: tuple[float, ...] = ()
