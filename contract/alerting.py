"""What the built-in alerts know and remember: facts of the installation, and alerts that fire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from contract.alert import Notice
from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class AnalyzerWindow(Frozen):
    """What one analyzer left in the window of recent recordings.

    Attributes:
        measured, infra_failed: cells in these states; those of other states say nothing of it.
        subtasks: how many were recorded.
        timeouts: those among them that ended because its time was over or no frame came.
    """

    analyzer: str
    measured: int = 0
    infra_failed: int = 0
    subtasks: int = 0
    timeouts: int = 0


class Window(Frozen):
    """What the store recorded lately.

    Attributes:
        tasks: subtasks (one per app and analyzer).
        duplicates: rows beyond the first of one task; the store's own index refuses them.
    """

    since: datetime
    analyzers: tuple[AnalyzerWindow, ...] = ()
    tasks: int = 0
    duplicates: int = 0


class Disk(Frozen):
    """Room on one disk.

    Attributes:
        of: `data`, `store`, `tmp` or `engine`.
    """

    of: str
    free_bytes: int
    size_bytes: int


class AnalyzerFacts(Frozen):
    """How a host's worker sees an analyzer.

    Attributes:
        reason: why it takes no work.
        answered_at: when it last took work; None: not since anybody watches.
        blind: why, by tool.
        no_source: why, by tool that lacks a source outside.
        untried: tools of which nobody knows yet whether they see.
        advisories_age_s: age of advisories by source, as the analyzer tells it.
        has_told_ages: false: it was not asked, or gave no answer.
    """

    analyzer: AnalyzerKind
    ok: bool
    starting: bool = False
    reason: str = ""
    answered_at: datetime | None = None
    blind: dict[str, str] = {}
    no_source: dict[str, str] = {}
    untried: tuple[str, ...] = ()
    advisories_age_s: dict[str, float] = {}
    has_told_ages: bool = True


class HostFacts(Frozen):
    """What the worker of a host tells about it once a minute.

    Attributes:
        unseen_disks: those that could not be looked at.
        swept_at: when its janitor last swept it to the end; or since when that could have been.
    """

    host: str
    at: datetime
    disks: tuple[Disk, ...] = ()
    unseen_disks: tuple[str, ...] = ()
    swept_at: datetime | None = None
    analyzers: tuple[AnalyzerFacts, ...] = ()


class QueueFacts(Frozen):
    """A task queue at the server.

    Attributes:
        pollers: workers that asked for work within the last 90 s.
        backlog: tasks that wait, about; `oldest_s`: how long the oldest of them waits.
        free_slots: of its workers together, as their heartbeats say; None: nobody says.
        host: whose queue it is; empty: it is that of all.
    """

    queue: str
    host: str = ""
    pollers: int
    backlog: int = 0
    oldest_s: float = 0.0
    free_slots: int | None = None


class JanitorFacts(Frozen):
    """The schedule of a host's janitor."""

    host: str
    paused: bool = False


class BreakerFacts(Frozen):
    """A circuit breaker that is not closed."""

    pipeline_id: str
    name: str
    state: str
    reason: str = ""


class ServerFacts(Frozen):
    """What the Temporal server says.

    Attributes:
        wedged: workflows whose tasks fail again and again, by cause.
        wedged_named: one of them, by cause.
        breakers: None where pipelines could not be asked.
    """

    wedged: dict[str, int] = {}
    wedged_named: dict[str, str] = {}
    queues: tuple[QueueFacts, ...] = ()
    janitors: tuple[JanitorFacts, ...] = ()
    breakers: tuple[BreakerFacts, ...] | None = None


class Facts(Frozen):
    """All that one look saw.

    Attributes:
        window, hosts, server: None: they could not be asked, which neither fires nor ends an alert.
        file_fault: what is wrong with the alerts file; empty: nothing.
        every_s: from one look to the next, and from one word of a host to the next.
    """

    at: datetime
    every_s: float = 60.0
    window: Window | None = None
    hosts: tuple[HostFacts, ...] | None = None
    server: ServerFacts | None = None
    file_fault: str = ""


class Scope(Frozen):
    """Some alerts.

    Attributes:
        names: of them; empty: any.
        labels: that they have, perhaps among others.
    """

    names: frozenset[str] = frozenset()
    labels: dict[str, str] = {}

    def has(self, notice: Notice) -> bool:
        """Whether it is one of them."""
        named = not self.names or notice.name in self.names
        return named and self.labels.items() <= notice.labels.items()


class Judgement(Frozen):
    """What one look found.

    Attributes:
        alerts: one for each fault that is there now.
        unknown: names of alerts that could not be judged: what fires of them goes on.
        unseen: alerts that could not be judged because what they are about was not seen.
        cut: keys of faults that are there and too many to be told: what fires of them goes on.
        forgotten: alerts about what nobody looks at any more: they end, and may not be over.
        hosts: those that anything is known of; None: that is not known.
        patience: looks that must agree before an alert of this name fires; others: one.
    """

    alerts: tuple[Notice, ...] = ()
    unknown: frozenset[str] = frozenset()
    unseen: tuple[Scope, ...] = ()
    cut: frozenset[str] = frozenset()
    forgotten: tuple[Scope, ...] = ()
    hosts: frozenset[str] | None = None
    patience: dict[str, int] = {}


class StoredAlert(Frozen):
    """An alert as the store remembers it.

    Attributes:
        notice: as it was last seen.
        firing: it was seen often enough to be told; false: it waits for that.
        fired_at: since when it fires.
        seen: how many looks in a row saw it; `unseen`: how many in a row did not.
        told_at: when it was last handed to the receivers; None: there were none.
    """

    notice: Notice
    firing: bool = False
    fired_at: datetime | None = None
    seen: int = 0
    unseen: int = 0
    told_at: datetime | None = None


class AlertChange(NamedTuple):
    """What becomes of the alerts.

    Attributes:
        kept: all that stay, by key; others are forgotten.
        told: notices, each with the names of its receivers.
    """

    kept: Mapping[str, StoredAlert]
    told: Sequence[tuple[Notice, Sequence[str]]]


class Delivery(Frozen):
    """A notice that one receiver has not taken yet.

    Attributes:
        id: of the notice, as it is kept.
        attempts: how often it was tried; `why`: how the last one ended.
    """

    id: str
    receiver: str
    notice: Notice
    attempts: int = 0
    why: str = ""


class WatchFacts(Frozen):
    """How the watch itself does.

    Attributes:
        looked_at: when somebody last looked for alerts, whatever was found; None: never.
        unsent_since: since when its oldest notice waits, by receiver; others have got all.
    """

    looked_at: datetime | None = None
    unsent_since: dict[str, datetime] = {}


class StoreFault(Frozen):
    """A store of results that fails, as those know it who watch without a store.

    Attributes:
        began_at: when a look failed first.
        summary, detail: of the last one that did.
        looks: how many failed; `works`: how many in a row were kept since.
        told_at: when a receiver last took the notice, by name; `repeats`: how often it was
            repeated.
    """

    began_at: datetime
    summary: str = ""
    detail: str = ""
    looks: int = 0
    works: int = 0
    told_at: dict[str, datetime] = {}
    repeats: dict[str, int] = {}
