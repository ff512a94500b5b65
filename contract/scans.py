"""Runs of a schedule: what one is asked to do, and what came of it."""

from datetime import datetime
from enum import StrEnum

from contract.base import Frozen
from contract.spec import PipelineSpec


class ScanOrder(Frozen):
    """What a schedule keeps of its spec; each of its runs is started with it.

    Attributes:
        name: of the schedule.
        spec: as it was when the schedule was added or updated.
        base: absolute folder in which relative paths of the spec begin.
        file: name of the spec file, for people.
        added_by: who added or updated it.
        changed_at: when it was added, updated or resumed: times before that were not missed.
        paused_at: since when it is paused: times after that are not missed.
    """

    name: str
    spec: PipelineSpec
    base: str
    file: str = ""
    added_by: str = ""
    changed_at: datetime
    paused_at: datetime | None = None

    def unpaused_until(self, at: datetime) -> datetime:
        """`at`, or the moment before it at which the schedule was paused."""
        return min(at, self.paused_at or at)


class ScanState(StrEnum):
    """How a run of a schedule is.

    `not_started`: there is no pipeline, and `reason` says why.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    NOT_STARTED = "not_started"


class LostTool(Frozen):
    """A tool that measured apps in one pipeline and not in a later one.

    Attributes:
        tool: `static/bandit`.
        apps: how many.
        examples: `model/appN` of some of them.
        reason: why not, of the first of them.
    """

    tool: str
    apps: int
    examples: tuple[str, ...] = ()
    reason: str = ""


class ScanComparison(Frozen):
    """A run against an earlier pipeline, in a few figures.

    Attributes:
        then: the earlier pipeline; empty: there is none, and `note` says why.
        note: what a reader must know before the figures.
        new: weaknesses that the earlier one would have seen, of the least severity asked for.
        new_critical: those of `new` that are critical.
        unknown: as grave ones that are there now, of which nobody knows whether they are new.
        examples: some of the new ones, in words.
        lost: tools that measured apps then, and do not now.
        apps_gone: apps of the earlier one that are not in this one.
        gone_examples: some of them.
    """

    then: str = ""
    note: str = ""
    new: int = 0
    new_critical: int = 0
    unknown: int = 0
    examples: tuple[str, ...] = ()
    lost: tuple[LostTool, ...] = ()
    apps_gone: int = 0
    gone_examples: tuple[str, ...] = ()

    @property
    def lost_looks(self) -> int:
        """How many measurements (a tool at an app) there were and are not."""
        return sum(tool.apps for tool in self.lost)


class ScanEnd(Frozen):
    """How the pipeline of a run ended."""

    state: ScanState
    message: str = ""


class ScanRun(Frozen):
    """One run of a schedule.

    Attributes:
        scheduled_at: the time that it is of; with the schedule's name it is the pipeline's ID.
        began_at, ended_at: when it really began and ended.
        reason: why it did not start or complete.
        apps: how many the pipeline has.
        missed: times of the schedule since the run before at which nothing began.
        notices: names of the notices that were to be sent.
        untold: receivers that could not be told, and why.
    """

    schedule: str
    scheduled_at: datetime
    pipeline_id: str
    state: ScanState = ScanState.RUNNING
    began_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    apps: int = 0
    comparison: ScanComparison | None = None
    missed: tuple[datetime, ...] = ()
    notices: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
