"""What is said of a figure over pipelines. Fields are only ever added."""

from datetime import datetime
from enum import StrEnum

from contract.base import Frozen

FINDINGS = "findings"
"""The figure of a tool that is no load test: how many findings it has."""


class TrendState(StrEnum):
    """What is known of a figure.

    `too_few` is not `unchanged`: nobody can tell yet. `drifting`: it went, but a steady trend says
    it about as well as one step does, so no pipeline is named.
    """

    CHANGED = "changed"
    DRIFTING = "drifting"
    UNCHANGED = "unchanged"
    TOO_FEW = "too_few"
    NOT_COMPARABLE = "not_comparable"


class Direction(StrEnum):
    """Which way a figure went: a change that is neither good nor bad is there, too."""

    BETTER = "better"
    WORSE = "worse"


class TrendPoint(Frozen):
    """One pipeline.

    Attributes:
        value: None: nothing was measured there.
        reason: why it is not compared; empty: it is.
        source: digest of the app's source there; empty: unknown.
    """

    pipeline_id: str
    at: datetime
    value: float | None = None
    reason: str = ""
    source: str = ""


class Trend(Frozen):
    """One figure of one app.

    Attributes:
        app: `model/appN`.
        cell: `performance/openloop`: whose figure it is.
        figure: `latency_p95`, or `findings`.
        unit: of its values.
        state: see `TrendState`.
        direction: of a change.
        since: the first pipeline of the new level.
        source_changed: whether the app's source is another one since then; None: unknown.
        elsewhere: what else is another one since then, so that the app need not be the cause.
        before, after: both levels; of a drift, as if it had been one step; of other states `after`
            is the newest value.
        ratio: `after / before`, with a 95 % interval `low` to `high`; None: the level was 0.
        within: of an unchanged one: it is within this share of its former level (0.07: 7 %), at
            95 % confidence.
        p: of the change, over all places where it may be; `corrected` for all figures asked for.
        points: measurements that were compared.
        needed: of `too_few`: how many there must be, all together; 0: more would not help.
        reason: why it is not comparable, or why they are too few.
        series: all pipelines, the oldest first; empty where only changes are told.
    """

    app: str
    cell: str
    figure: str
    unit: str = ""
    state: TrendState
    direction: Direction | None = None
    since: str = ""
    source_changed: bool | None = None
    elsewhere: str = ""
    before: float | None = None
    after: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    within: float | None = None
    p: float | None = None
    corrected: float | None = None
    points: int = 0
    needed: int = 0
    reason: str = ""
    series: tuple[TrendPoint, ...] = ()
