"""The running app of one workflow: started when first needed, anew when lost, torn down last."""

from collections.abc import Callable
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from contract.analyzers import AnalyzerKind
    from contract.errors import ErrorCode
    from contract.outcome import AppFacts, SubtaskOutcome
    from contract.running import AppCheck, RunningApp, StartOutcome, SubtaskOrder
    from contract.spec import AppSpec
    from workflows import policies, stages
    from workflows.building import AppDown, Building
    from workflows.guard import Guard
    from workflows.held import Absence, absence_of, is_held
    from workflows.host_watch import Again, HostLost, watched
    from workflows.planning import (
        Loss,
        app_died,
        app_died_early,
        discarded,
        subtask_order,
    )
    from workflows.settle import is_unclaimed
    from workflows.verdict import SILENT_AFTER, SILENT_BEFORE, Verdicts, is_apps


class LiveApp:
    """Owns the app, under a guard, from the first `measure` to `teardown`.

    Live subtasks run one at a time.

    Args:
        lose: called with measurements that were thrown away.
        require_wanted: called before anything begins; ends it if it was cancelled meanwhile.
    """

    def __init__(
        self,
        app: AppSpec,
        lose: Callable[[AnalyzerKind, Loss], None],
        require_wanted: Callable[[], None],
    ) -> None:
        self._app = app
        self._lose = lose
        self._require_wanted = require_wanted
        self._guard: Guard | None = None
        self._running: RunningApp | None = None
        self._host = ""
        self._broken = ""
        self._building = Building(app)
        self._verdicts = Verdicts()
        self._facts = AppFacts()
        self._starts = 0
        self._lives = 0

    async def measure(self, kind: AnalyzerKind) -> SubtaskOutcome:
        """Run one live subtask on the app, started anew elsewhere when its host is lost.

        Raises:
            AppDown: the app cannot be measured.
            ActivityError: the platform is at fault, or the pipeline was paused.
        """
        await self._post_guard()
        for _ in range(policies.MAX_TRIES):
            try:
                check = await self._ensure()
                return await self._measure(subtask_order(self._app, kind, check, self._running))
            except HostLost as lost:
                workflow.logger.warning("host lost", extra={"host": self._host})
                self._lose(kind, lost.loss)
                self._forget()
            except Again as again:
                self._lose(kind, again.loss)
        raise _unsteady(f"the app was lost or silent before {kind} each time")

    async def build_ahead(self) -> None:
        """Build while others are measured.

        What comes of it is seen when the app's turn has come: a broken build is the app's fault
        then, and what the platform failed or a pause held back is tried again.
        """
        try:
            await self._post_guard()
            await self._build()
        except (AppDown, FailureError) as exc:
            if is_cancelled_exception(exc):
                raise
            workflow.logger.info("not built ahead", extra={"cause": str(exc)})

    @property
    def facts(self) -> AppFacts:
        """What became known of the app so far."""
        return self._facts.plus(AppFacts(restarts=max(0, self._lives - 1)))

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

    async def _measure(self, order: SubtaskOrder) -> SubtaskOutcome:
        self._require_wanted()
        try:
            outcome = await watched(stages.run_analysis(order, self._host), self._check)
        except ActivityError as exc:
            absence = absence_of(exc)
            if absence is None:
                raise
            return await self._without_app(order.analyzer, absence)
        try:
            after = await self._check_when_calm(policies.CHECK_AFTER)
        except HostLost:
            # It was measured and its result is safe: nothing to repeat.
            self._forget()
            return outcome
        except ActivityError as exc:
            if is_cancelled_exception(exc):
                raise
            workflow.logger.warning("not checked afterwards", extra={"cause": str(exc.cause)})
            return outcome
        if after.alive:
            return outcome
        row = self._verdicts.under(after, order.analyzer)
        if row is SILENT_AFTER:
            return outcome
        self._keep_logs(after)
        if not is_apps(row):
            await self._start_over(discarded(outcome, "APP_LOST"))
        if outcome.report is not None:
            self._learn(AppFacts(logs=(outcome.report,)))
        return app_died(outcome, after.reason)

    async def _without_app(self, kind: AnalyzerKind, absence: Absence) -> SubtaskOutcome:
        """The activity found the app gone: before it began, or under the measurement."""
        check, lost = absence.check, absence.loss
        self._keep_logs(check)
        if check.silent:
            raise Again(lost)  # it is asked again when the host is calm, and nothing has begun
        if not absence.begun:
            row = self._verdicts.unwatched(check)
            if is_apps(row):
                self._broken = f"{row.seen}: {check.reason}"
                raise AppDown(self._broken)
            await self._start_over(lost)
        if not is_apps(self._verdicts.under(check, kind)):
            await self._start_over(lost.plus(Loss(causes=("APP_LOST",))))
        return app_died_early(self._app, kind, check.reason, lost)

    async def _ensure(self) -> AppCheck:
        """A running app, checked just now; one that died between two subtasks is started anew.

        Raises:
            AppDown: it does not start, or dies at once.
            Again: it was taken away right after its start.
            ApplicationError: it is silent, and stays so while that proves nothing.
        """
        if self._broken:
            raise AppDown(self._broken)
        if self._running is not None:
            check = await self._check_when_calm()
            if check.alive:
                return check
            self._refuse_silence(check)
            self._keep_logs(check)
            await self._clear()
        await self._start()
        check = await self._check_when_calm()
        if not check.alive:
            self._refuse_silence(check)
            self._keep_logs(check)
            if not is_apps(self._verdicts.under(check, "start")):
                await self._start_over(Loss(causes=("APP_LOST",)))
            raise AppDown(f"died right after its start: {check.reason}")
        return check

    def _refuse_silence(self, check: AppCheck) -> None:
        if check.silent:
            raise ApplicationError(
                f"{SILENT_BEFORE.seen}: {check.reason}",
                type=ErrorCode.FAILED_PRECONDITION,
            )

    async def _start(self) -> None:
        if self._starts >= policies.MAX_STARTS:
            raise _unsteady(f"no host kept the app alive in {self._starts} starts")
        self._starts += 1
        try:
            self._require_wanted()
            await self._build()
            self._require_wanted()
            started = await self._building.start()
        except ActivityError as exc:
            if is_held(exc):
                self._starts -= 1
            raise
        self._running = started.app
        if started.app is not None:
            self._lives += 1
        await self._take_in(started)

    async def _build(self) -> None:
        if built := await self._building.build():
            await self._take_in(built)

    async def _take_in(self, outcome: StartOutcome) -> None:
        """What a build or a start tells.

        Raises:
            AppDown: it failed.
        """
        # A start repeats the notes of its build; those of a host that was lost are of that host.
        self._facts = self._facts.model_copy(update={"notes": ()})
        self._learn(outcome.facts)
        self._host = outcome.app.host if outcome.app else outcome.host
        if self._guard is not None and self._host:
            await self._guard.own(self._host)
        if outcome.app is None and outcome.phase != "built":
            self._broken = f"{outcome.phase} failed: {outcome.reason}"
            raise AppDown(self._broken)

    async def _post_guard(self) -> None:
        if self._guard is None:
            self._guard = await Guard.post(self._app.workflow_id)

    def _forget(self) -> None:
        """Its host is gone, and what of the app is there is the janitor's."""
        self._running, self._host = None, ""
        self._building.forget()

    async def _start_over(self, loss: Loss) -> NoReturn:
        """Remove what is left of the app, and begin the measurement anew."""
        try:
            await self._clear()
        except HostLost as lost:
            raise HostLost(loss) from lost
        self._forget()
        raise Again(loss)

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
        self._learn(removed.facts)

    async def _check_when_calm(self, policy: policies.Policy = policies.CHECK_APP) -> AppCheck:
        """A check; while the app is silent on a busy host it is asked again, for some minutes."""
        check = await self._check(policy)
        for pause in policies.SILENCE_PAUSES:
            if check.alive or not check.silent:
                break
            await workflow.sleep(pause, summary=f"asks again later: {check.reason}"[:200])
            check = await self._check(policy)
        return check

    async def _check(self, policy: policies.Policy = policies.CHECK_APP) -> AppCheck:
        if self._running is None:
            raise HostLost
        try:
            checked = await stages.check_app(self._running, policy)
        except ActivityError as exc:
            if is_unclaimed(exc):
                raise HostLost from exc
            raise
        self._learn(checked.facts.without_logs())
        return checked

    def _learn(self, facts: AppFacts) -> None:
        self._facts = self._facts.plus(facts)

    def _keep_logs(self, check: AppCheck) -> None:
        """Keep the logs of a check that decided something: each check of a dead app has some."""
        self._learn(AppFacts(logs=check.facts.logs))


def _unsteady(message: str) -> ApplicationError:
    return ApplicationError(message, type=ErrorCode.UNAVAILABLE)
