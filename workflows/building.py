"""Where an app is built: on one host, which then starts it, for its images are there alone."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.running import StartOutcome
    from contract.spec import AppSpec
    from workflows import stages
    from workflows.held import is_held
    from workflows.host_watch import HostLost
    from workflows.settle import is_unclaimed


class AppDown(Exception):
    """The app's author failed: it did not build, start or answer, or it died by itself."""


class Building:
    """One app's build, made once for all its starts on one host."""

    def __init__(self, app: AppSpec) -> None:
        self._app = app
        self._host = ""

    async def build(self) -> StartOutcome | None:
        """Have it built on some host; None: it is.

        Raises:
            ActivityError: the platform is at fault, or the pipeline was paused.
        """
        if self._host:
            return None
        built = await stages.prepare_app(self._app)
        self._host = built.host if built.phase == "built" else ""
        return built

    async def start(self) -> StartOutcome:
        """Start it where it was built.

        Raises:
            HostLost: nobody serves that host any more.
            ActivityError: as `build`; another host may do better.
        """
        try:
            return await stages.start_built(self._app, self._host)
        except ActivityError as exc:
            if not is_held(exc):
                self.forget()
            if is_unclaimed(exc):
                raise HostLost from exc
            raise

    def forget(self) -> None:
        """The next start may be anywhere."""
        self._host = ""
