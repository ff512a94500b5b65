"""The one table of analyzers: all that the platform has to know of each, a row per kind.

Ports, deadlines, queues, slots, planning, readiness, the columns of the command line and the
tallies of reports derive from this table. An analyzer is added by a row here and a package
`analyzers/<kind>/`; a row without one of its columns is an error at import.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self


class Category(StrEnum):
    """What a finding speaks about: security findings and lint never share a count."""

    SECURITY = "security"
    QUALITY = "quality"
    ACCESSIBILITY = "accessibility"
    REQUIREMENT = "requirement"


class PlatformService(StrEnum):
    """What work needs beside the analyzers: `engine` runs the apps, `store` keeps the results."""

    ENGINE = "engine"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """One row of the table. No column has a default: whoever adds a kind decides on each.

    Attributes:
        port: where it listens unless it is started with another one.
        deadline_s: seconds after which it ends a subtask by itself.
        live_turn: the live subtasks of an app run one after another, the lowest turn first, on the
            host that runs the app; None: it is offline, reads the source alone and needs no host.
        slots: subtasks at once on one host unless a setting says otherwise.
        slots_max: the most that setting allows; 1: it must be alone on its host, and there is no
            such setting.
        needs: services of the platform without which it cannot work, beside the store, which keeps
            the results of all.
        equipment: what has to be there on its own host: `tools`, installed in a folder of its name,
            or an `endpoint` of a model that it asks.
        by_default: whether a spec that names no analyzers runs it.
        gives_way: what waits while a load test runs on its host: the whole subtask, each of its
            tools, or nothing.
        looks_for: categories of the findings that some of its tools look for. Each tool says of
            itself for which; this is for one that has never reported.
        fuses: categories whose findings it joins across its tools.
        figures: how reports read its metrics: as figures of a load test, as scores of judges, or
            only with the tool they come from.
        least_rate: share of cells, of those measured or `infra_failed`, below which its operators
            are told; None: the one that holds for all analyzers.
    """

    port: int
    deadline_s: float
    live_turn: int | None
    slots: int
    slots_max: int
    needs: frozenset[PlatformService]
    equipment: Literal["tools", "endpoint"]
    by_default: bool
    gives_way: Literal["whole", "tools", "nothing"]
    looks_for: frozenset[Category]
    fuses: frozenset[Category]
    figures: Literal["load", "scores", "none"]
    least_rate: float | None


class AnalyzerKind(StrEnum):
    """An analyzer that looks at apps; in code, each member carries its row of the table."""

    _value_: str
    row: Analyzer

    def __new__(cls, value: str, row: Analyzer) -> Self:
        """A member that is its own name, with its row."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.row = row
        return member

    # fmt: off
    STATIC = "static", Analyzer(
        port=2001, deadline_s=900.0, live_turn=None, slots=2, slots_max=64,
        needs=frozenset(), equipment="tools", by_default=True,
        gives_way="whole",  # a run is short and keeps every core busy
        looks_for=frozenset({Category.SECURITY, Category.QUALITY, Category.ACCESSIBILITY}),
        fuses=frozenset({Category.SECURITY}), figures="none", least_rate=0.80,
    )
    # Its turn comes after the load test: a scan fills the app's database and would slow it down.
    DYNAMIC = "dynamic", Analyzer(
        port=2002, deadline_s=1200.0, live_turn=2,
        slots=4, slots_max=64,  # a scan mostly waits for the app, within the analyzer's CPU budget
        needs=frozenset({PlatformService.ENGINE}), equipment="tools", by_default=True,
        gives_way="tools",  # a run is long and leaves the cores idle
        looks_for=frozenset({Category.SECURITY, Category.QUALITY, Category.ACCESSIBILITY}),
        fuses=frozenset(Category), figures="none", least_rate=0.75,
    )
    # An app that the load test kills is started anew for the scan.
    PERFORMANCE = "performance", Analyzer(
        port=2003, deadline_s=900.0, live_turn=1,
        slots=1, slots_max=1,  # two load tests would measure each other
        needs=frozenset({PlatformService.ENGINE}), equipment="tools", by_default=True,
        gives_way="nothing", looks_for=frozenset(), fuses=frozenset(), figures="load",
        least_rate=None,
    )
    AI = "ai", Analyzer(
        port=2004, deadline_s=900.0, live_turn=None, slots=4, slots_max=64,
        needs=frozenset(), equipment="endpoint", by_default=False,
        gives_way="nothing",  # the models that it asks run elsewhere
        looks_for=frozenset({Category.REQUIREMENT, Category.QUALITY}),
        fuses=frozenset(), figures="scores", least_rate=None,
    )
    # fmt: on

    @property
    def is_live(self) -> bool:
        """Whether it needs the running app."""
        return self.row.live_turn is not None

    @property
    def is_alone(self) -> bool:
        """Whether only one subtask of it may run on a host at any time."""
        return self.row.slots_max == 1


LIVE_ORDER = tuple(
    sorted(
        (kind for kind in AnalyzerKind if kind.is_live), key=lambda kind: kind.row.live_turn or 0
    )
)
"""The order in which live analyzers look at an app."""
