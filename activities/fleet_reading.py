"""A recorded pipeline, read app by app as its report tells it.

Without tools that controls void, with what scaffolds brought, and with the decisions for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from activities.decisions import decisions_of
from activities.ports import ResultStore
from contract.record import AppRecord, PipelineRecord, by_app
from contract.spec import AppRef, AppRole
from reports.build import app_reports
from reports.controls import ControlScores
from reports.facts import FleetFacts, Overview
from reports.known import Known
from reports.model import AppReport
from reports.scaffold import ScaffoldFindings
from reports.suppressions import Decisions

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
    async def open(cls, results: ResultStore, pipeline_id: str) -> Self:
        """Read what is fleet-wide, the control apps and the scaffolds.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        outline = await results.load_outline(pipeline_id)
        overview = await overview_of(results, outline)
        decisions = Decisions.of(await decisions_of(results, pipeline_id), overview.today)
        fleet = cls(results, outline, overview.facts(), Known(decisions=decisions))
        scores, scaffolds = ControlScores(), ScaffoldFindings()
        async for app in fleet.all(AppRole.CONTROL):
            scores.add(app)
        fleet = replace(fleet, facts=fleet.facts.voided(scores.void()))
        async for app in fleet.all(AppRole.SCAFFOLD):
            scaffolds.add(app)
        return replace(fleet, known=replace(fleet.known, scaffolds=scaffolds.result()))

    async def all(self, role: AppRole) -> AsyncGenerator[AppReport]:
        """The reports of its apps in one role, a few in memory at once."""
        for refs in batches(self.refs(role)):
            for app in (await self.apps(refs)).values():
                yield app

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
