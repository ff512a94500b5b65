"""The baseline of a pipeline that is being reported: read beside it, app by app."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from activities.decisions import spec_of
from activities.fleet_reading import FleetReading
from activities.ports import ResultStore
from contract.errors import ErrorCode, PlatformError
from contract.spec import AppRef, AppRole
from reports.against import BaselineCounts, against
from reports.baseline import NOT_IN_BASELINE
from reports.baseline_results import BaselineReport
from reports.model import AppReport


@dataclass(frozen=True, slots=True)
class BaselineReading:
    """Tells apps what their baseline says of them, and counts it."""

    _fleet: FleetReading | None
    _counts: BaselineCounts

    @classmethod
    async def open(cls, results: ResultStore, pipeline_id: str) -> Self | None:
        """The baseline that the pipeline's spec names; None: it names none.

        A baseline that the store does not have any more is no fault of the pipeline: then nobody
        knows of any weakness, and the report says why.

        Raises:
            PlatformError: the store does not answer.
        """
        spec = await spec_of(results, pipeline_id)
        if spec is None or spec.baseline is None:
            return None
        try:
            fleet = await FleetReading.open(results, spec.baseline)
        except PlatformError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            why = f"the store has no pipeline {spec.baseline}"
            return cls(None, BaselineCounts(spec.baseline, problem=why))
        return cls(fleet, counts_of(fleet))

    async def told(self, apps: Sequence[AppReport]) -> list[AppReport]:
        """The reports of a batch of apps with what the baseline says of their weaknesses."""
        refs = [app.ref for app in apps if app.role is AppRole.SUBJECT]
        then = await self._fleet.apps(refs) if self._fleet else {}
        return await asyncio.to_thread(self._told, apps, then)

    def _told(self, apps: Sequence[AppReport], then: dict[AppRef, AppReport]) -> list[AppReport]:
        why = self._counts.problem or NOT_IN_BASELINE
        told = [
            against(app, then.get(app.ref), why) if app.role is AppRole.SUBJECT else app
            for app in apps
        ]
        for app in told:
            self._counts.add(app)
        return told

    def result(self) -> BaselineReport:
        """The counts of the apps so far."""
        return self._counts.result()


def counts_of(then: FleetReading, only: Collection[AppRef] = ()) -> BaselineCounts:
    """Counts of what is to be compared with an earlier pipeline; of these apps alone, if named."""
    labels = tuple(ref.label for ref in then.refs() if not only or ref in only)
    return BaselineCounts(then.outline.pipeline_id, labels, then.outline.finished_at)
