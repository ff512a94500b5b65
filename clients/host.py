"""`AppRuntime` of a host: the engine in use, and the one that may have left something behind."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clients.docker.runtime import DockerRuntime
from clients.host_measures import CheckTimes, StartTimes
from clients.process.runtime import ProcessRuntime
from clients.usage import AppUsage
from contract.errors import PlatformError
from contract.outcome import AppFacts
from contract.running import AppCheck, RunningApp, StartOutcome, TeardownReport
from contract.spec import AppSpec

EngineRuntime = DockerRuntime | ProcessRuntime


class HostRuntime:
    """Runs apps on `chosen`; removes what belongs to them there and on `former`, if there is one.

    The engine of a worker may change between two of its starts, in the middle of a pipeline. Docker
    may also become available while the worker runs: `later` connects to it or raises
    `PlatformError`. It is called before each start of an app until it succeeds.
    """

    def __init__(
        self,
        chosen: EngineRuntime,
        former: EngineRuntime | None,
        later: Callable[[], DockerRuntime] | None = None,
    ) -> None:
        self._chosen = chosen
        self._former = former
        self._later = later
        self._checks = CheckTimes()

    @property
    def description(self) -> str:
        """One line for people: how apps run here, and why."""
        return self._chosen.description

    async def probe(self) -> None:
        """Whether the engine answers.

        Raises:
            PlatformError: it does not.
        """
        await self._chosen.probe()

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: Callable[[str], None]
    ) -> StartOutcome:
        """Build what `start` would build.

        Raises:
            PlatformError: as `start`.
        """
        await self._choose()
        times = StartTimes(_engine(self._chosen))
        with times.failing():
            outcome = await self._chosen.prepare(app, run_id, on_progress, times.on_built())
        times.done(outcome)
        return outcome

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None] = lambda: None,
    ) -> StartOutcome:
        """Build and start `app`, or adopt what an earlier attempt left.

        Raises:
            PlatformError: the platform is at fault; never the app.
        """
        await self._choose()
        times = StartTimes(_engine(self._chosen))
        with times.failing():
            outcome = await self._chosen.start(app, run_id, on_progress, times.on_built(on_built))
        times.done(outcome)
        return outcome

    async def _choose(self) -> None:
        """The engine for the next app: one that was started since then is preferred."""
        if self._later is not None:
            with suppress(PlatformError):
                engine = await asyncio.to_thread(self._later)
                self._former, self._chosen, self._later = self._chosen, engine, None

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the app still runs as it was started; an app of the former engine does not."""
        with self._checks.of(app.workflow_id) as done:
            check = await self._chosen.check(app)
            done(check)
        return check

    async def usage(self) -> Sequence[AppUsage]:
        """What each running app of this host uses now.

        Raises:
            PlatformError: the engine does not answer.
        """
        found = [*await self._chosen.usage()]
        if self._former is not None:
            with suppress(PlatformError):  # an engine that is down runs nothing
                found += await self._former.usage()
        last_s = self._checks.last_s
        return [replace(app, health_check_s=last_s.get(app.workflow_id)) for app in found]

    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Remove all that belongs to the workflow. A former engine that is gone is a note.

        Raises:
            PlatformError: the engine is unreachable.
        """
        self._checks.forget(workflow_id)
        report = await self._chosen.teardown(workflow_id)
        if self._former is None:
            return report
        try:
            more = await self._former.teardown(workflow_id)
        except PlatformError as error:
            note = AppFacts(notes=(f"the former engine: {error.message}",))
            return report.model_copy(update={"facts": report.facts.plus(note)})
        return TeardownReport(
            containers=report.containers + more.containers,
            networks=report.networks + more.networks,
            volumes=report.volumes + more.volumes,
            processes=report.processes + more.processes,
            facts=report.facts.plus(more.facts),
        )

    async def disk(self) -> Path:
        """The folder that fills with apps' images or environments; it may not be readable."""
        chosen = self._chosen
        return await chosen.folder() if isinstance(chosen, DockerRuntime) else chosen.data_dir

    async def owned_workflows(self) -> Sequence[str]:
        """Workflow IDs that own anything on either engine."""
        found = set(await self._chosen.owned_workflows())
        if self._former is not None:
            with suppress(PlatformError):  # an engine that is down runs nothing
                found |= set(await self._former.owned_workflows())
        return sorted(found)

    async def prune(self) -> int:
        """Remove images above the disk limit; bytes freed."""
        return await self._chosen.prune()


def _engine(runtime: EngineRuntime) -> str:
    """How the engine is called in metrics."""
    return "docker" if isinstance(runtime, DockerRuntime) else "process"
