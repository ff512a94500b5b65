"""What runs of a schedule need of the world: plans made anew, pipelines, and what came of both."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from contract.scans import ScanComparison, ScanEnd, ScanOrder, ScanRun
from contract.spec import PipelinePlan


class Scans(Protocol):
    """Makes plans and starts pipelines as `submit` does, and compares them as `compare` does."""

    async def plan(self, order: ScanOrder, pipeline_id: str, baseline: str) -> PipelinePlan:
        """The plan of the kept spec over its fleet as it is now.

        Args:
            order: what the schedule keeps.
            pipeline_id: ID of the pipeline to be.
            baseline: of the pipeline, unless the spec says one; empty: it has none.

        Raises:
            PlatformError: the spec cannot be planned any more: a folder, a model or a login is
                gone; or the disk cannot be read.
        """
        ...

    async def first_stored(self, ids: Sequence[str]) -> str:
        """The first of these pipelines that is in the store; empty: none of them.

        Raises:
            PlatformError: the store cannot be read.
        """
        ...

    async def start(self, plan: PipelinePlan, started_by: str) -> None:
        """Start the pipeline of `plan`, or join it; one that ended already is left as it is.

        Raises:
            PlatformError: its ID stands for another plan, or the server does not take it.
        """
        ...

    async def end(self, pipeline_id: str) -> ScanEnd:
        """Wait for the end of a pipeline."""
        ...

    async def cancel(self, pipeline_id: str) -> None:
        """Let a pipeline end early; one that does not run is left as it is.

        Raises:
            PlatformError: the server does not answer.
        """
        ...

    async def compare(self, order: ScanOrder, then: str, now: str) -> ScanComparison:
        """The later pipeline against the earlier one.

        Raises:
            PlatformError: NOT_FOUND: one of them is not in the store; or the store cannot be read.
        """
        ...

    async def due(self, name: str, after: datetime, before: datetime) -> Sequence[datetime]:
        """Times of the schedule between two moments, the first 200 of them.

        Raises:
            PlatformError: the server does not answer. A schedule that is gone has no times.
        """
        ...


class ScanLog(Protocol):
    """Keeps what came of the runs of schedules. Every write is an upsert."""

    async def put_scan(self, run: ScanRun) -> None:
        """Keep a run, in place of what was kept of it before; the schedule's oldest ones go."""
        ...

    async def scans(
        self, schedule: str, limit: int, before: datetime | None = None
    ) -> Sequence[ScanRun]:
        """The latest runs of a schedule, those before `before` if it is given, newest first."""
        ...
