"""What comes into a pipeline: the pages of its plan, apps on top, apps that are to run again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.errors import ErrorCode
    from contract.plan import PAGE_APPS, AppChoice, PlanPage
    from contract.role import AppRole
    from contract.spec import PlannedApp
    from workflows import stages
    from workflows.fleet import Fleet
    from workflows.settle import failure_code

    T = TypeVar("T")


class Intake:
    """Brings apps into the store, one page after another, and then into the fleet.

    Every method that an update calls raises `ApplicationError` with the reason of a refusal.
    """

    def __init__(self, fleet: Fleet, first: PlanPage | None) -> None:
        self._fleet = fleet
        self._first = first
        self._refusal: ApplicationError | None = None
        self._registering = asyncio.Lock()

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Register the page that came with the start, and wait for the others, or until `stopped`.

        Raises:
            ApplicationError: the store has another plan under this ID.
        """
        if self._first is not None and not self._fleet.registered:
            await self.add_page(self._first)
        await workflow.wait_condition(
            lambda: self._fleet.is_whole or self._refusal is not None or stopped()
        )
        if self._refusal is not None:
            raise self._refusal

    async def read_next(self, stopped: Callable[[], bool]) -> None:
        """Have the next apps in memory, unless the pipeline is stopped while the store is away."""
        while (positions := self._fleet.to_read()) and not stopped():
            id_ = self._fleet.header.pipeline_id
            reading = asyncio.create_task(stages.read_apps(id_, positions))
            await workflow.wait_condition(lambda reading=reading: reading.done() or stopped())
            if not reading.done():
                reading.cancel()
                return
            self._fleet.load(reading.result())

    async def add_page(self, page: PlanPage) -> int:
        """Register a page of the plan, unless it came before; how many apps are registered."""
        await workflow.wait_condition(lambda: page is self._first or self._fleet.registered > 0)
        async with self._registering:
            if page.first > self._fleet.registered:
                raise _refused(f"page {page.first // PAGE_APPS + 1} came before the one before it")
            if page.first == self._fleet.registered:
                try:
                    await self._register(page)
                except ApplicationError as refusal:
                    self._refusal = refusal
                    raise
        return self._fleet.registered

    def check_page(self, page: PlanPage) -> None:
        """Refuse what is no page of this plan.

        Raises:
            ValueError: for people.
        """
        if not self._fleet.header.has(page):
            raise ValueError("this is no page of the plan that this pipeline was started with")

    def check_apps(self, apps: Sequence[PlannedApp]) -> None:
        """Refuse what cannot be added now; the store refuses apps that the fleet has.

        Raises:
            ValueError: for people.
        """
        if not self._fleet.is_whole:
            raise ValueError("the plan of this pipeline has not come whole; submit it again first")
        if any(app.role is not AppRole.SUBJECT for app in apps):
            raise ValueError("a plan alone has controls, scaffolds and repeats")
        for label, count in Counter(app.ref.label for app in apps).items():
            if count > 1:
                raise ValueError(f"duplicate app: {label}")

    async def add_apps(self, apps: Sequence[PlannedApp]) -> int:
        """Register apps that the plan does not have; how many the fleet has now."""
        async with self._registering:
            await self._register(PlanPage(first=self._fleet.registered, apps=tuple(apps)))
        return self._fleet.total

    async def choose(self, labels: Sequence[str]) -> list[AppChoice]:
        """The ended apps that `labels` name; without labels, those that lack a measurement."""
        id_ = self._fleet.header.pipeline_id
        # What the store says of an app that ends while it is asked is of before its end.
        ended_before = self._fleet.idle()
        found = await _asked(stages.apps_to_retry(id_, list(labels)))
        idle = ended_before & self._fleet.idle()
        chosen = [app for app in found if app.position in idle]
        if labels and len(chosen) < len(found):
            busy = next(app.ref.label for app in found if app not in chosen)
            raise _refused(f"{busy} has not ended; only ended apps can be run again")
        return chosen

    async def _register(self, page: PlanPage) -> None:
        await _asked(stages.register_page(self._fleet.header, page))
        self._fleet.registered += len(page.apps)


async def _asked(call: Coroutine[Any, Any, T]) -> T:
    """The answer of the store; its refusal in words for people."""
    try:
        return await call
    except ActivityError as exc:
        fault = failure_code(exc)
        raise _refused(fault.message, fault.code) from exc


def _refused(message: str, code: ErrorCode = ErrorCode.FAILED_PRECONDITION) -> ApplicationError:
    return ApplicationError(message, type=code, non_retryable=True)
