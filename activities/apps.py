"""The app under test: build, start, check, remove; and the janitor of its host."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from temporalio import activity
from temporalio.service import RPCError, RPCStatusCode

from activities import Activities, ownership
from activities.errors import Held
from activities.heartbeat import Attempt
from activities.measures import count_orphans, note_sweep
from activities.ownership import is_disowned, is_running
from activities.ports import AppRuntime
from activities.slots import Slots
from contract.errors import PlatformError
from contract.ids import janitor_schedule_id
from contract.limits import GIVE_WAY_S
from contract.outcome import AppFacts
from contract.quiet import Work, give_way
from contract.running import AppCheck, RunningApp, StartOutcome, SweepReport, TeardownReport
from contract.spec import AppSpec
from telemetry.spans import waiting

# A new app keeps a processor busy for about so long; load tests wait no longer for it.
START_BUSY_S = 10.0

Answer = TypeVar("Answer", StartOutcome, AppCheck, TeardownReport)


class AppActivities:
    """Drives this host's app runtime."""

    def __init__(
        self, runtime: AppRuntime, slots: Slots | None = None, load_lock: Path | None = None
    ) -> None:
        """Nothing is done yet.

        Args:
            runtime: the app runtime of this host.
            slots: those of the queue of builds; an app that is built needs none until it answers.
            load_lock: the lock file of load tests on this host; builds and starts give way to them.
        """
        self._runtime = runtime
        self._slots = slots or Slots(0)
        self._load_lock = load_lock

    def on_any_host(self) -> Activities:
        """For the queue of builds, which every host serves."""
        return [self.prepare_app]

    def on_build_host(self) -> Activities:
        """For the queue of starts on the host that built the app."""
        return [self.start_app]

    def on_app_host(self) -> Activities:
        """For the queue of the host that runs the app."""
        return [self.check_app, self.teardown_app, self.sweep_host, self.prune_host]

    def in_control(self) -> Activities:
        """For the control queue: they need no particular host."""
        return [self.forget_host]

    @activity.defn(name="start_app")
    async def start_app(self, app: AppSpec) -> StartOutcome:
        """Build and start `app` on this host. One that does not start is an answer, not an error.

        Retry is safe: names and labels derive from the workflow ID, so an attempt takes over what
        an earlier one left. An attempt that failed or was cancelled removes what it made, because
        the workflow does not know this host yet; one that is only replaced leaves all to the next
        attempt. A pause is noticed before anything is made.
        """
        run_id = activity.info().workflow_run_id or ""
        async with Attempt("building and starting the app") as attempt:
            give_back = self._slots.once()
            async with self._turn(app, attempt) as work:

                def on_built() -> None:
                    give_back()
                    asyncio.get_running_loop().call_later(START_BUSY_S, work.end)

                started = await self._runtime.start(app, run_id, attempt.note, on_built)
                return _with_causes(started, attempt)

    @activity.defn(name="prepare_app")
    async def prepare_app(self, app: AppSpec) -> StartOutcome:
        """Build `app` on this host, which will start it. An app that does not build is an answer.

        Retry is safe as for `start_app`: what a failed attempt left is removed.
        """
        run_id = activity.info().workflow_run_id or ""
        async with Attempt("building the app") as attempt, self._turn(app, attempt):
            built = await self._runtime.prepare(app, run_id, attempt.note)
            return _with_causes(built, attempt)

    @asynccontextmanager
    async def _turn(self, app: AppSpec, attempt: Attempt) -> AsyncGenerator[Work]:
        """Give way to load tests of this host; then load tests wait for this work."""
        work = Work(None, 0.0)
        try:
            if self._load_lock is not None:
                with waiting("give way to load tests"):
                    work = await give_way(self._load_lock, GIVE_WAY_S, attempt.note)
            if not attempt.begun and await ownership.is_held():
                raise Held
            attempt.begin()
            yield work
        except (asyncio.CancelledError, PlatformError):
            if await is_disowned():
                await self._clear(app)
            raise
        finally:
            work.end()

    async def _clear(self, app: AppSpec) -> None:
        with suppress(PlatformError):
            await self._runtime.teardown(app.workflow_id)

    @activity.defn(name="check_app")
    async def check_app(self, app: RunningApp) -> AppCheck:
        """Whether the containers that answer are those we started. Retry is safe: it only reads."""
        async with Attempt("checking that the app is still the one we started") as attempt:
            checked = await self._runtime.check(app)
            return _with_causes(checked, attempt)

    @activity.defn(name="teardown_app")
    async def teardown_app(self, workflow_id: str) -> TeardownReport:
        """Remove everything that is labelled with `workflow_id`.

        Retry is safe: what is gone already counts as removed.
        """
        async with Attempt("removing the app") as attempt:
            removed = await self._runtime.teardown(workflow_id)
            return _with_causes(removed, attempt)

    @activity.defn(name="sweep_host")
    async def sweep_host(self) -> SweepReport:
        """Remove what belongs to no running workflow.

        Each workflow is looked up right before its leftovers are removed, and only the server's
        "closed" or "not found" allows that: without an answer nothing is removed. What cannot be
        removed does not stop the rest. Retry is safe: what is gone already counts as removed.
        """
        removed: list[str] = []
        kept: list[str] = []
        stuck: dict[str, PlatformError] = {}
        async with Attempt("sweeping the host") as attempt:
            for workflow_id in await self._runtime.owned_workflows():
                attempt.note(f"looking at {workflow_id}")
                if await is_running(workflow_id):
                    kept.append(workflow_id)
                    continue
                try:
                    count_orphans(await self._runtime.teardown(workflow_id))
                    removed.append(workflow_id)
                except PlatformError as exc:
                    stuck[workflow_id] = exc
            if stuck:
                workflow_id, first = next(iter(stuck.items()))
                message = f"{len(stuck)} owners not removed; {workflow_id}: {first.message}"
                raise PlatformError(first.code, message)
            note_sweep()
        return SweepReport(removed=tuple(removed), kept=tuple(kept))

    @activity.defn(name="forget_host")
    async def forget_host(self, host: str) -> None:
        """Delete the janitor's schedule of `host`, which nobody serves any more.

        When its worker comes back, it makes the schedule again. Runs on any host. Retry is safe: a
        schedule that is gone already counts as deleted.
        """
        async with Attempt(f"forgetting {host}"):
            handle = activity.client().get_schedule_handle(janitor_schedule_id(host))
            try:
                await handle.delete()
            except RPCError as exc:
                if exc.status is not RPCStatusCode.NOT_FOUND:
                    raise

    @activity.defn(name="prune_host")
    async def prune_host(self) -> int:
        """Remove our oldest images and build caches above the disk limit; the bytes freed.

        Retry is safe: what an earlier attempt removed does not count against the limit any more.
        """
        async with Attempt("pruning images"):
            return await self._runtime.prune()


def _with_causes(answer: Answer, attempt: Attempt) -> Answer:
    """`answer` and, among its facts, why earlier attempts of the activity ended."""
    facts = answer.facts.plus(AppFacts(retry_causes=attempt.causes))
    return answer.model_copy(update={"facts": facts})
