"""What is said of figures over pipelines, as programs read it. Fields are only ever added."""

from contract.base import Frozen
from reports.trends.model import Trend, TrendState


class ReasonCount(Frozen):
    """Why nothing can be said of so many figures."""

    reason: str
    count: int


class Regressions(Frozen):
    """The apps of a pipeline against their own history.

    Attributes:
        pipelines: that were looked at, the oldest first; the last one is this one.
        figures: of the apps of this pipeline by what is known of them.
        changes: changes and drifts, each a `Trend` without its series: those for the worse first,
            changes before drifts, the surest first.
        changes_left_out: how many there are beyond those listed.
        worse: apps of which a figure is worse since one of the last `recent` pipelines, and nothing
            else is another one since then (`Trend.elsewhere`). A drift does not count.
        reasons: why figures are not comparable or too few, each a `ReasonCount`.
        notes: what a reader must know before the figures.
    """

    pipeline_id: str
    pipelines: tuple[str, ...]
    figures: dict[TrendState, int]
    changes: tuple[Trend, ...] = ()
    changes_left_out: int = 0
    worse: tuple[str, ...] = ()
    worse_total: int = 0
    recent: int = 3
    reasons: tuple[ReasonCount, ...] = ()
    notes: tuple[str, ...] = ()


class AppTrends(Frozen):
    """Every figure of one app over pipelines.

    Attributes:
        app: `model/appN`.
        pipelines: that have it, the oldest first.
        trends: each a `Trend` with its series; changes first.
    """

    app: str
    pipelines: tuple[str, ...]
    trends: tuple[Trend, ...] = ()
