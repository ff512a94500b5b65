"""A recorded pipeline, read app by app as reports tell it: without tools that controls void."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from activities.ports import ResultStore
from contract.record import AppRecord, PipelineRecord, by_app
from contract.spec import AppRef, AppRole
from reports.build import app_reports
from reports.controls import ControlScores
from reports.facts import FleetFacts, Overview
from reports.known import Known
from reports.model import AppReport

BATCH_APPS = 10
"""How many apps are in memory at once."""


@dataclass(frozen=True, slots=True)
class FleetReading:
    """Reads the apps of one pipeline a few at a time.

    Attributes:
        outline: the pipeline with its apps, without cells.
        facts: what is fleet-wide.
        known: what is known beside the records.
    """

    results: ResultStore
    outline: PipelineRecord
    facts: FleetFacts
    known: Known

    @classmethod
    async def open(cls, results: ResultStore, pipeline_id: str, known: Known | None = None) -> Self:
        """Read what is fleet-wide, and the control apps.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        outline = await results.load_outline(pipeline_id)
        overview = await overview_of(results, outline)
        fleet = cls(results, outline, overview.facts(), known or Known())
        scores = ControlScores()
        for refs in batches(fleet.refs(AppRole.CONTROL)):
            for app in (await fleet.apps(refs)).values():
                scores.add(app)
        facts = fleet.facts.voided(scores.void())
        return cls(results, outline, facts, fleet.known)

    def refs(self, role: AppRole = AppRole.SUBJECT) -> list[AppRef]:
        """Its apps in one role, in the order of the plan."""
        return [app.ref for app in self.outline.apps if app.role is role]

    async def apps(self, refs: Collection[AppRef]) -> dict[AppRef, AppReport]:
        """The reports of these apps, of at most `BATCH_APPS`, as far as it has them."""
        wanted = frozenset(refs)
        there = [app.ref for app in self.outline.apps if app.ref in wanted]
        if not there:
            return {}
        record = await self.results.load_apps(self.outline.pipeline_id, there)
        return await asyncio.to_thread(self._reports, record)

    def _reports(self, record: PipelineRecord) -> dict[AppRef, AppReport]:
        return {app.ref: app for app in app_reports(record, self.facts, self.known)}


def batches(refs: Sequence[AppRef]) -> list[Sequence[AppRef]]:
    """The apps in batches that fit into memory."""
    return [refs[first : first + BATCH_APPS] for first in range(0, len(refs), BATCH_APPS)]


async def overview_of(
    results: ResultStore, outline: PipelineRecord, at: datetime | None = None
) -> Overview:
    """What is fleet-wide at a moment (None: now); apps without any cell are part of it."""
    overview = Overview(outline, at or datetime.now(UTC))
    waiting = {app.ref: app for app in outline.apps}
    async for states in results.cells_overview(outline.pipeline_id):
        for ref, mine in by_app(states).items():
            overview.add(waiting.pop(ref, AppRecord(ref=ref)), mine)
    for app in waiting.values():
        overview.add(app, ())
    return overview
