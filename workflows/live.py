"""The running app of one workflow: started when first needed, anew when lost, torn down last."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contract.analysis import ArtifactRef, SubtaskRequest
    from contract.errors import ErrorCode
    from contract.outcome import SubtaskOutcome
    from contract.running import AppCheck, RunningApp, StartOutcome
    from contract.spec import AnalyzerKind, AppSpec
    from workflows import policies, stages
    from workflows.guard import Guard
    from workflows.planning import Loss, RunFacts, app_died, discarded, subtask_request
    from workflows.settle import is_unclaimed


class AppDown(Exception):
    """The app's author failed: it did not build, start or answer, or it died by itself."""


class HostLost(Exception):
    """Nobody serves the queue of the app's host any more, or its engine was restarted."""

    def __init__(self, loss: Loss | None = None) -> None:
        super().__init__()
        self.loss = loss or Loss(causes=("HOST_LOST",))


class LiveApp:
    """Owns the app, under a guard, from the first `measure` to `teardown`.

    Live subtasks run one at a time.

    Args:
        lose: is told of measurements that were thrown away.
    """

    def __init__(self, app: AppSpec, lose: Callable[[AnalyzerKind, Loss], None]) -> None:
        self._app = app
        self._lose = lose
        self._guard: Guard | None = None
        self._running: RunningApp | None = None
        self._host = ""
        self._broken = ""
        self.logs: list[ArtifactRef] = []
        self.images: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.retry_causes: list[str] = []
        self._starts = 0
        self._lives = 0

    async def measure(self, kind: AnalyzerKind) -> SubtaskOutcome:
        """Run one live subtask on the app, started anew elsewhere when its host is lost.

        Raises:
            AppDown: the app cannot be measured.
            ActivityError: the platform is at fault.
        """
        if self._guard is None:
            self._guard = await Guard.post(self._app.workflow_id)
        while True:
            try:
                check = await self._ensure()
                conditions = self._running.conditions if self._running else ""
                request = subtask_request(self._app, kind, check.targets, conditions)
                return await self._measure(request)
            except HostLost as lost:
                workflow.logger.warning("host lost", extra={"host": self._host})
                self._lose(kind, lost.loss)
                self._running, self._host = None, ""

    def facts(self) -> RunFacts:
        """What the record keeps of the app as it ran."""
        return {
            "logs": tuple(self.logs),
            "restarts": max(0, self._lives - 1),
            "images": self.images,
            "notes": self.notes,
            "retry_causes": tuple(self.retry_causes),
        }

    async def teardown(self) -> None:
        """Remove the app; what cannot be removed now is left to the guard, then to the janitor."""
        try:
            if self._host:
                await self._remove()
        except ActivityError as exc:
            workflow.logger.warning("teardown failed", extra={"cause": str(exc.cause)})
            return
        if self._guard is not None:
            await self._guard.release()

    async def _measure(self, request: SubtaskRequest) -> SubtaskOutcome:
        outcome = await self._watched(stages.run_analysis(request, self._host))
        try:
            after = await self._check(policies.CHECK_AFTER)
        except HostLost:
            # It was measured and its result is safe: nothing to repeat.
            self._running, self._host = None, ""
            return outcome
        except ActivityError as exc:
            if is_cancelled_exception(exc):
                raise
            workflow.logger.warning("not checked afterwards", extra={"cause": str(exc.cause)})
            return outcome
        if after.alive:
            return outcome
        self.logs.extend(after.logs)
        if after.taken:
            self._lose(request.analyzer, discarded(outcome, "APP_LOST"))
            await self._clear()
            raise HostLost(Loss())
        if outcome.report is not None:
            self.logs.append(outcome.report)
        return app_died(outcome, after.reason)

    async def _ensure(self) -> AppCheck:
        """A running app, checked just now; one that died between two subtasks is started anew."""
        if self._broken:
            raise AppDown(self._broken)
        if self._running is not None:
            check = await self._check()
            if check.alive:
                return check
            self.logs.extend(check.logs)
            await self._clear()
        await self._start()
        check = await self._check()
        if not check.alive:
            self.logs.extend(check.logs)
            if check.taken:
                await self._clear()
                raise HostLost
            raise AppDown(f"died right after its start: {check.reason}")
        return check

    async def _start(self) -> None:
        if self._starts >= policies.MAX_STARTS:
            raise ApplicationError(
                f"no host kept the app alive in {self._starts} starts", type=ErrorCode.UNAVAILABLE
            )
        self._starts += 1
        started: StartOutcome = await stages.start_app(self._app)
        self.retry_causes.extend(started.retry_causes)
        self.logs.extend(started.logs)
        self._running = started.app
        if started.app is not None:
            self._lives += 1
            self.images, self.notes = started.app.images, started.app.dropped
        self._host = started.app.host if started.app else started.host
        if self._guard is not None and self._host:
            await self._guard.own(self._host)
        if started.app is None:
            self._broken = f"{started.phase} failed: {started.reason}"
            raise AppDown(self._broken)

    async def _clear(self) -> None:
        """Remove a dead app, so that its successor starts from nothing."""
        self._running = None
        try:
            await self._remove()
        except ActivityError as exc:
            if is_unclaimed(exc):
                raise HostLost from exc
            raise

    async def _remove(self) -> None:
        removed = await stages.teardown_app(self._host, self._app.workflow_id)
        self.retry_causes.extend(removed.retry_causes)

    async def _check(self, policy: policies.Policy = policies.CHECK_APP) -> AppCheck:
        if self._running is None:
            raise HostLost
        try:
            checked = await stages.check_app(self._running, policy)
        except ActivityError as exc:
            if is_unclaimed(exc):
                raise HostLost from exc
            raise
        self.retry_causes.extend(checked.retry_causes)
        return checked

    async def _watched(self, work: workflow.ActivityHandle[SubtaskOutcome]) -> SubtaskOutcome:
        """Await `work` while its host lives; the subtask is ended before this returns or raises."""
        every_s = policies.HOST_WATCH.total_seconds()
        try:
            while True:
                await workflow.wait([work], timeout=every_s)
                if work.done():
                    return work.result()
                await self._check()
        except (HostLost, asyncio.CancelledError, ActivityError) as exc:
            if work.done():
                raise
            if isinstance(exc, ActivityError) and not is_cancelled_exception(exc):
                # The watch itself failed: a check that errs is no proof of a lost host.
                return await work
            work.cancel()
            await _ended(work)
            raise


async def _ended(work: workflow.ActivityHandle[SubtaskOutcome]) -> None:
    try:
        await work
    except (asyncio.CancelledError, ActivityError) as exc:
        if not is_cancelled_exception(exc):
            workflow.logger.warning("a subtask ended badly", extra={"cause": str(exc)})
