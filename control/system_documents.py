"""What is told of the parts of an installation."""

from datetime import datetime
from enum import StrEnum

from contract.base import Frozen
from control.live_documents import HostQueue


class PartState(StrEnum):
    """How a part is: it works, needs somebody, does not work, or nobody can know now."""

    OK = "ok"
    ATTENTION = "attention"
    AWAY = "away"
    UNKNOWN = "unknown"


class Part(Frozen):
    """One part of the installation.

    Attributes:
        id: names it in one word or path, `store`, `analyzer/static`.
        name: for people.
        detail: how it is, or why nobody knows.
        next_step: what to do; empty where nothing has to be done.
        facts: more of it, by name.
        took_s: how long it took to ask it.
    """

    id: str
    name: str
    state: PartState
    detail: str = ""
    next_step: str = ""
    facts: dict[str, str] = {}
    took_s: float = 0.0


class QueueHealth(Frozen):
    """A task queue and who takes work from it.

    Attributes:
        purpose: what waits in it.
        state: `away`: work waits and nobody takes it; `attention`: nobody would take it;
            `unknown`: the server did not say.
        pollers: workers that asked for work within the last 90 s; null: unknown. One that died
            since then is among them: see `asked_s`.
        backlog: tasks that wait, about; null: unknown.
        oldest_s: how long the oldest of them waits; null: unknown.
        workers: their names at the server, `PID@HOST`; at most 20.
        asked_s: how long ago each of these workers last asked for work, in their order. One that
            lives asks about once a minute.
    """

    name: str
    purpose: str
    state: PartState
    pollers: int | None = None
    backlog: int | None = None
    oldest_s: float | None = None
    workers: tuple[str, ...] = ()
    asked_s: tuple[float, ...] = ()
    next_step: str = ""


class ScheduleHealth(Frozen):
    """Something that the server starts from time to time.

    Attributes:
        purpose: what it does.
        last_at: when it was last started; null: the server names no such time.
        next_at: when it will be started again; null: never.
    """

    id: str
    purpose: str
    state: PartState
    paused: bool = False
    last_at: datetime | None = None
    next_at: datetime | None = None
    detail: str = ""
    next_step: str = ""


class SystemHealth(Frozen):
    """The installation, asked at one moment.

    Attributes:
        state: the worst of its parts; parts that are unknown do not make it worse.
        parts: server, namespace, worker, versions of the workers, schedules where they are unknown,
            analyzers, engine, store, alerts, artifacts, disk, dashboard.
        queues: task queues; none where no server answers.
        schedules: at most 50, those of Assay first; null: the server does not say.
        schedules_left_out: how many more there are.
        hosts_left_out: how many hosts more there are whose own queues are not among `queues`:
            of the first 20 they are.
        hosts: which hosts take work, and their slots, as workers tell them, up to a minute late;
            null: nobody says.
        slots_left_out: how many hosts more there are whose slots were not asked for.
        versions: of programs and formats, by name.
        took_s: how long it took to ask them all, side by side.
    """

    asked_at: datetime
    state: PartState
    parts: tuple[Part, ...] = ()
    queues: tuple[QueueHealth, ...] = ()
    schedules: tuple[ScheduleHealth, ...] | None = None
    schedules_left_out: int = 0
    hosts_left_out: int = 0
    hosts: tuple[HostQueue, ...] | None = None
    slots_left_out: int = 0
    versions: dict[str, str] = {}
    took_s: float = 0.0
