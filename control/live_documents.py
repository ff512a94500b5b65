"""The documents about a pipeline that somebody watches and steers.

Fields are only ever added. Times are ISO 8601 in UTC, `_s` stands for seconds.
"""

from datetime import datetime
from typing import Any

from contract.base import Frozen
from contract.overview import CellsCount
from contract.progress import AppProgress
from control.documents import PipelineStatus


class HostQueue(Frozen):
    """One queue that a worker of some host takes work from.

    Attributes:
        host: name of the machine, as its worker says.
        queue: what it takes: `apps`, `control`, or an analyzer.
        seen_at: when the worker last asked for work.
        slots: how many tasks of the queue it takes at once; null: the server does not tell.
        used: how many of them are taken; null: the server does not tell.
    """

    host: str
    queue: str
    seen_at: datetime | None = None
    slots: int | None = None
    used: int | None = None


class LivePipeline(PipelineStatus):
    """Where a pipeline is now, as far as its server, its worker and the store say.

    Attributes:
        apps: at most 500: those that run, that failed, that come next, that ended well. `step` is
            what it does now; one that runs has a `workflow_id`. Of a pipeline that the store alone
            tells of there are none: its matrix has them.
        started_at, finished_at: of the pipeline; null: not known, or not yet.
        cells: how many cells of each tool are in each state, those of void tools as not measured.
        waits: what waits and why, a sentence each.
        hosts: each a `HostQueue`; null: the server does not say who works.
        hosts_left_out: how many hosts more there are, whose queues are not among them.
        away: why server or worker do not answer now; the rest is then as it was last known. Empty:
            they answer, or nobody has to.
        away_since: when they last answered; null: they do, or never did since the dashboard looks.
        store_away: why the store cannot be read now; `cells` are then as they were. Empty: it can.
    """

    started_at: datetime | None = None
    finished_at: datetime | None = None
    cells: tuple[CellsCount, ...] = ()
    waits: tuple[str, ...] = ()
    hosts: tuple[HostQueue, ...] | None = None
    hosts_left_out: int = 0
    away: str = ""
    away_since: datetime | None = None
    store_away: str = ""


class Sent(Frozen):
    """A message that a running pipeline took.

    Attributes:
        answer: what the pipeline answered, where it does.
        waits: why it is kept, and nobody acts on it now; empty: somebody does.
    """

    pipeline_id: str
    sent: str
    answer: str | int | None = None
    waits: str = ""


class LiveChange(Frozen):
    """What differs from an earlier state of a `LivePipeline`.

    Attributes:
        fields: its fields that changed, whole, but `apps`.
        apps: those that changed, or are told now and were not before.
        gone: `model/appN` of those that are not told any more.
    """

    fields: dict[str, Any] = {}
    apps: tuple[AppProgress, ...] = ()
    gone: tuple[str, ...] = ()
