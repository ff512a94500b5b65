"""What is told of recurring scans."""

from datetime import datetime

from contract.base import Frozen
from contract.scans import ScanRun
from contract.schedule import ScheduleSpec


class ScheduleDocument(Frozen):
    """A recurring scan.

    Attributes:
        name: of the schedule; IDs of its pipelines begin with it.
        when: in words.
        schedule: as its spec says.
        paused: nothing runs until it is resumed.
        note: of whoever added or paused it.
        file: name of the spec file.
        base: folder in which its relative paths begin.
        added_by: who added or updated it.
        changed_at: when it was added, updated or resumed.
        next: the next times, at most 10; none while it is paused.
        running: pipelines that run now.
        waiting: the run that waits because the one before goes on, in words; empty: none waits.
        missed: times since the latest run at which nothing began.
        skipped_total: runs that were left out since it was added because the one before went on.
        late_total: those for which the server was away for longer than `catch_up`.
        runs: the latest ones, each a `ScanRun`, newest first.
    """

    name: str
    when: str
    schedule: ScheduleSpec
    paused: bool = False
    note: str = ""
    file: str = ""
    base: str = ""
    added_by: str = ""
    changed_at: datetime
    next: tuple[datetime, ...] = ()
    running: tuple[str, ...] = ()
    waiting: str = ""
    missed: tuple[datetime, ...] = ()
    skipped_total: int = 0
    late_total: int = 0
    runs: tuple[ScanRun, ...] = ()

    @property
    def last(self) -> ScanRun | None:
        """The latest run."""
        return self.runs[0] if self.runs else None


class SchedulesDocument(Frozen):
    """Recurring scans, by name.

    Attributes:
        schedules: each a `ScheduleDocument`.
        left_out: how many there are beyond those listed.
    """

    schedules: tuple[ScheduleDocument, ...] = ()
    left_out: int = 0


class ScheduleChanged(Frozen):
    """What became of a recurring scan.

    Attributes:
        name: of the schedule.
        done: `added`, `updated`, `paused`, `resumed`, `started`, `removed`.
        pipeline_id: of a run that was started, if it is known yet.
        cancelled: pipelines that were cancelled with it.
        still_running: pipelines that go on.
        next: the next times, at most 10.
        timezone: in which people mean its times.
    """

    name: str
    done: str
    timezone: str = "UTC"
    pipeline_id: str = ""
    cancelled: tuple[str, ...] = ()
    still_running: tuple[str, ...] = ()
    next: tuple[datetime, ...] = ()
