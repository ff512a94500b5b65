"""`AppRuntime` without a container engine: trusted apps only, as processes confined by bubblewrap.

A confined app sees a read-only system without home folders and without the project's data, its own
copy of its source, a private /tmp and data folder, and its own process numbers. It shares the
host's network, as `AppFacts.notes` say: that is why only trusted apps may run here.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import AppFault
from clients.building_log import OnBuilt, untold
from clients.calm import Host, Patience
from clients.conditions import conditions
from clients.ending import Ending, app_check
from clients.limits import AppLimits
from clients.log_lines import error_line
from clients.logs import Artifacts, SavedLogs
from clients.probe import ask, patience_s
from clients.process.environments import Environments
from clients.process.installing import Installation
from clients.process.recipe import Recipe, needs_engine, written_ports
from clients.process.spawning import free_port, spawn
from clients.process.state import Record, StateFolder
from clients.process.usage import usage
from clients.process.watch import Asked, StartClock, silent
from clients.roles import with_roles
from clients.targets import resolve_targets
from clients.usage import AppUsage
from contract.analysis import ArtifactRef
from contract.outcome import AppFacts
from contract.running import AppCheck, RunningApp, RunningService, StartOutcome, TeardownReport
from contract.spec import AppSpec
from telemetry.spans import traced

OnProgress = Callable[[str], None]
_POLL_S, _LOG_BYTES = 0.2, 40_000
_NETWORK_NOTE = "network: a confined process shares its host's network, outside included"


class ProcessRuntime:
    """Builds, runs, checks and removes trusted apps as confined processes."""

    def __init__(
        self,
        *,
        host: str,
        artifacts: Artifacts,
        data_dir: Path,
        limits: AppLimits | None = None,
        no_engine: str = "Docker does not answer",
    ) -> None:
        """The constructor starts no process and makes no folder.

        Args:
            host: name of this host, stable over restarts.
            artifacts: the store for logs.
            data_dir: the project's data folder, hidden from apps.
            limits: of each service.
            no_engine: why apps do not run in containers.
        """
        self._host = host
        self._artifacts = artifacts
        self.data_dir = data_dir.resolve()
        self._limits = limits or AppLimits()
        self._no_engine = no_engine
        self._states = StateFolder(self.data_dir / "processes")
        self._environments = Environments(
            self.data_dir / "environments", self._limits, (self.data_dir,)
        )
        self._launchers: dict[Path, asyncio.Task[int]] = {}
        self._patience = Patience(Host())

    @property
    def description(self) -> str:
        """One line for people: how apps run here, and why."""
        return f"{self._no_engine}: trusted apps run as processes confined by bubblewrap"

    async def probe(self) -> None:
        """Do nothing: processes need no engine."""

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: OnProgress, on_built: OnBuilt = untold
    ) -> StartOutcome:
        """Install the dependencies of `app`; `start` finds them by their content.

        Raises:
            PlatformError: as `start`.
        """

        async def built(installed: Installation) -> None:
            on_built(installed.anew)

        return await self._started(app, Installation(ahead=True), on_progress, built)

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: OnProgress,
        on_built: OnBuilt = untold,
    ) -> StartOutcome:
        """Install and start `app`, or adopt the processes that an earlier attempt of the run left.

        `on_built` is called when its dependencies are there: with whether any were installed now.

        Raises:
            PlatformError: FAILED_PRECONDITION for apps that need a container engine.
        """

        async def run(installed: Installation) -> RunningApp:
            on_built(installed.anew)
            return await self._run(app, run_id, installed, on_progress)

        return await self._started(app, Installation(), on_progress, run)

    async def _started(
        self,
        app: AppSpec,
        installed: Installation,
        on_progress: OnProgress,
        go_on: Callable[[Installation], Awaitable[RunningApp | None]],
    ) -> StartOutcome:
        """Install, then `go_on`. The app's fault is returned as a value, with the logs of both."""
        self._require(app)
        try:
            await installed.install(app, self._environments, self._artifacts, on_progress)
            running = await go_on(installed)
        except AppFault as found:
            if found.log:
                ref = await self._artifacts.put_bytes(found.log.encode(), "build.log")
                installed.logs.append(ref)
            saved = await self._save_logs(app.workflow_id, "start")
            await asyncio.to_thread(self._remove, app.workflow_id)
            return StartOutcome(
                phase=found.phase,
                reason="; ".join((found.reason, *saved.notes)),
                host=self._host,
                facts=_facts(installed, saved.refs),
            )
        phase = "running" if running else "built"
        return StartOutcome(app=running, phase=phase, host=self._host, facts=_facts(installed))

    def _require(self, app: AppSpec) -> None:
        if not app.trusted:
            raise needs_engine(f"{self._no_engine}, and only trusted apps run as processes")
        if shutil.which("bwrap") is None or shutil.which("prlimit") is None:
            raise needs_engine(f"{self._no_engine}, and bubblewrap is not installed")

    @traced("start app")
    async def _run(
        self, app: AppSpec, run_id: str, installed: Installation, on_progress: OnProgress
    ) -> RunningApp:
        recipes, folders = installed.recipes, installed.folders
        record = self._states.read(app.workflow_id)
        if record is None or not self._adoptable(record, app, run_id, recipes):
            await asyncio.to_thread(self._remove, app.workflow_id)
            ports = {recipe.name: free_port() for recipe in recipes}
            record = Record(app.workflow_id, run_id, app.source.digest, ports)
            folder = self._states.write(record)
            for recipe in recipes:
                on_progress(f"{recipe.name}: starting")
                home = folder / "services" / recipe.name
                process = await spawn(
                    home, recipe, ports, folders[recipe.name], self.data_dir, self._limits
                )
                self._launchers[home] = asyncio.ensure_future(process.wait())
        services = await self._wait(record, installed.plan.services, recipes)
        names = [folder.name for folder in folders.values() if folder is not None]
        return RunningApp(
            workflow_id=app.workflow_id,
            host=self._host,
            engine="process",
            services=services,
            # The app uses the host's network, whatever the spec says.
            conditions=conditions("process", self._limits, "allow", names),
        )

    def _adoptable(
        self, record: Record, app: AppSpec, run_id: str, recipes: Sequence[Recipe]
    ) -> bool:
        same = record.run_id == run_id and record.source_digest == app.source.digest
        confined = self._states.services(app.workflow_id)
        names = {recipe.name for recipe in recipes}
        return same and set(confined) == names and all(c.identity() for c in confined.values())

    @traced("wait until it answers")
    async def _wait(
        self, record: Record, plans: Sequence[ServicePlan], recipes: Sequence[Recipe]
    ) -> tuple[RunningService, ...]:
        """Until each service answers on its port."""
        clock = StartClock(self._patience.host, self._limits.start_deadline_s)
        found: list[RunningService] = []
        for plan, recipe in zip(plans, recipes, strict=True):
            confined = self._states.services(record.workflow_id)[plan.name]
            port = record.ports[plan.name]
            silent_s = 0.0
            while not (
                clock.is_ready(
                    answer := await ask(f"http://127.0.0.1:{port}", patience_s(silent_s))
                )
                and confined.identity()
            ):
                silent_s = clock.elapsed_s if answer.kind == "silent" else 0.0
                launcher = self._launchers.get(confined.folder)
                ended = launcher is not None and launcher.done()
                await clock.require_progress(recipe, confined, answer, launcher_ended=ended)
                await asyncio.sleep(_POLL_S)
            found.append(
                RunningService(
                    service=plan.name,
                    container_id=confined.identity(),
                    host_port=port,
                    container_port=port,
                    dns_name="127.0.0.1",
                    published=tuple(host for host, _ in plan.published),
                    written_for=written_ports(plan),
                )
            )
        return await with_roles(found)

    @traced("check app")
    async def check(self, app: RunningApp) -> AppCheck:
        """Check processes, answers, then processes again, so that the answers came from these."""
        found = await self._ended(app)
        if found is None:
            quiet = await silent(self._asked(app), self._patience)
            found = await self._ended(app) or quiet
        if found is None:
            return AppCheck(alive=True, targets=resolve_targets(app, "host"))
        saved = await self._save_logs(app.workflow_id, "app")
        return app_check(found).model_copy(update={"facts": AppFacts(logs=saved.refs)})

    async def _ended(self, app: RunningApp) -> Ending | None:
        """How one of the processes that `start` saw has ended; None: all run."""
        confined = self._states.services(app.workflow_id)
        for service in app.services:
            process = confined.get(service.service)
            if process is None:
                return Ending(blame.SANDBOX_GONE, f"{service.service} was removed")
            if process.identity() != service.container_id:
                found = await asyncio.to_thread(process.ending)
                found = found or Ending(blame.RESTARTED, "is another process than at its start")
                line = error_line(process.log(_LOG_BYTES)) if found.row is blame.EXIT else ""
                text = f"{service.service} {found.text}{f': {line}' if line else ''}"
                return Ending(found.row, text)
        return None

    def _asked(self, app: RunningApp) -> list[tuple[str, Asked]]:
        confined = self._states.services(app.workflow_id)
        return [
            (service.service, Asked(confined[service.service], service.host_port))
            for service in app.services
            if service.host_port is not None
        ]

    async def usage(self) -> Sequence[AppUsage]:
        """What the running apps of this data folder use now."""
        return await asyncio.to_thread(usage, self._states)

    @traced("remove app")
    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Save the logs that can be saved, kill the workflow's sandboxes, remove its folder."""
        saved = await self._save_logs(workflow_id, "app")
        killed = await asyncio.to_thread(self._remove, workflow_id)
        return TeardownReport(processes=killed, facts=AppFacts(logs=saved.refs, notes=saved.notes))

    def _remove(self, workflow_id: str) -> int:
        services = self._states.services(workflow_id).values()
        killed = sum(service.kill() for service in services)
        for service in services:
            self._launchers.pop(service.folder, None)
        self._states.remove(workflow_id)
        return killed

    async def _save_logs(self, workflow_id: str, kind: str) -> SavedLogs:
        saved = SavedLogs(self._artifacts)
        for name, confined in self._states.services(workflow_id).items():
            state = "running" if confined.identity() else f"exited with {confined.exit_code}"
            head = f"[{name}: {state}]\n".encode()
            await saved.keep(f"{kind}-{name}.log", head + confined.log(self._limits.log_bytes))
        return saved

    async def owned_workflows(self) -> Sequence[str]:
        """Workflow IDs with a state folder here, whether their processes run or not."""
        return await asyncio.to_thread(lambda: list(self._states.workflows()))

    async def prune(self) -> int:
        """Remove unfinished environments. Complete ones are small, and all runs share them."""
        await asyncio.to_thread(self._environments.sweep)
        return 0


def _facts(installed: Installation, more_logs: tuple[ArtifactRef, ...] = ()) -> AppFacts:
    logs = (*installed.logs, *more_logs)
    return AppFacts(logs=logs, notes=(*installed.notes, _NETWORK_NOTE))
