"""What people may do with a running pipeline: its query, its signals and its updates."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.errors import ErrorCode
    from contract.plan import PlanPage
    from contract.progress import PipelinePhase, PipelineProgress
    from contract.spec import PlannedApp
    from workflows import policies
    from workflows.breakers import Breakers
    from workflows.display import Display
    from workflows.fleet import LINES_MAX, Fleet
    from workflows.intake import Intake
    from workflows.status import Status
    from workflows.window import Window


class PipelineHandlers:
    """Handlers of `PipelineWorkflow`; each changes one part, and the main line sees it."""

    _fleet: Fleet
    _intake: Intake
    _breakers: Breakers
    _window: Window
    _status: Status
    _display: Display

    @workflow.query(description="A snapshot: phase, counts, apps, analyzers, breakers.")
    def progress(self) -> PipelineProgress:
        """Where the pipeline is; of a large fleet the apps that matter most now."""
        return self._status.progress(workflow.time(), LINES_MAX)

    @workflow.signal(description="Start nothing new; running tools finish.")
    def pause(self) -> None:
        """Hold new apps, and subtasks of running apps that have not begun."""
        self._window.paused = True

    @workflow.signal(description="Go on after a pause.")
    def resume(self) -> None:
        """Undo `pause`."""
        self._window.paused = False

    @workflow.signal(description="End running tools, tear down, report what is missing.")
    def cancel(self) -> None:
        """Like a cancellation of the workflow, but it ends as completed, with a result."""
        self._cancel()

    @workflow.update(description="Change how many apps are in flight at once (1 to 50).")
    def set_parallelism(self, n: int) -> int:
        """The new window; apps in flight are not touched."""
        self._window.size = n
        return n

    @set_parallelism.validator
    def _check_parallelism(self, n: int) -> None:
        if not 1 <= n <= policies.WINDOW_MAX:
            raise ValueError(f"parallelism {n} is not in 1..{policies.WINDOW_MAX}")

    @workflow.update(
        description='Run apps again as a whole: ["MODEL/appN"]; []: what is infra_failed.'
    )
    async def retry_failed(self, keys: list[str]) -> list[str]:
        """Labels of what will run again; what was measured stands unless the app is named."""
        chosen = await self._intake.choose(keys)
        self._refuse_when_cancelling()
        self._fleet.retry(chosen, whole=bool(keys))
        self._window.gave_up = ""
        return [app.ref.label for app in chosen]

    @workflow.update(description="Add apps to the fleet; an app it has is refused.")
    async def add_apps(self, apps: list[PlannedApp]) -> int:
        """How many apps the fleet has now."""
        return await self._intake.add_apps(apps)

    @workflow.update(description="The next page of the plan; a page that came before is no fault.")
    async def add_page(self, page: PlanPage) -> int:
        """How many apps of the plan have come."""
        return await self._intake.add_page(page)

    @workflow.update(
        description='Close a breaker by hand: "pipeline", "engine", "store" or an analyzer.'
    )
    def reset_breaker(self, name: str) -> str:
        """The breaker's state: closed."""
        self._breakers.reset(name)
        return self._breakers.by_name[name].state

    @retry_failed.validator
    def _check_retry(self, keys: list[str]) -> None:
        self._refuse_when_cancelling()

    @add_apps.validator
    def _check_apps(self, apps: list[PlannedApp]) -> None:
        self._refuse_when_cancelling()
        self._intake.check_apps(apps)

    @add_page.validator
    def _check_page(self, page: PlanPage) -> None:
        self._refuse_when_cancelling()
        self._intake.check_page(page)

    @reset_breaker.validator
    def _check_breaker(self, name: str) -> None:
        if name not in self._breakers.by_name:
            known = ", ".join(self._breakers.by_name)
            raise ValueError(f"no breaker {name!r}; there are {known}")

    def _refuse_when_cancelling(self) -> None:
        if self._window.cancelling:
            message = "this pipeline is being cancelled; retry it when it has ended"
            raise ApplicationError(message, type=ErrorCode.FAILED_PRECONDITION, non_retryable=True)

    def _cancel(self) -> None:
        if not self._window.cancelling:
            self._window.cancel()
            self._display.enter(PipelinePhase.CANCELLING, "ending running tools, tearing down")
