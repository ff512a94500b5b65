"""`AppRuntime` on a Docker engine.

Guarantees for a running app, on an engine of this host and with root for the firewall: ports are
published only on 127.0.0.1; memory, CPU, processes, log and volume sizes are bounded; all
capabilities but seven are dropped, no-new-privileges is set; the app reaches its own services by
name, but no other app, no port of the host, and (egress `deny`) nothing outside.
`AppFacts.notes` names the guarantees that an engine cannot give.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from clients.blame import AppFault
from clients.building_log import BuildLog, OnBuilt, untold
from clients.calm import Host, Patience
from clients.docker.about import learn
from clients.docker.address import usable
from clients.docker.base_images import BaseImageMap, BaseImages
from clients.docker.building import Building
from clients.docker.checks import AppChecker
from clients.docker.containers import Containers, State
from clients.docker.endings import Endings
from clients.docker.engine import folder_of
from clients.docker.errors import call, connect
from clients.docker.firewall import Firewall
from clients.docker.images import Images
from clients.docker.labels import Labels
from clients.docker.network import Networks
from clients.docker.start_faults import with_notes
from clients.docker.starting import Parts, Starting
from clients.docker.stream import EngineStream
from clients.docker.usage import UsageReader
from clients.docker.volumes import Volumes
from clients.limits import AppLimits
from clients.logs import Artifacts, SavedLogs
from clients.targets import Location
from clients.usage import AppUsage
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_WORKFLOW
from contract.outcome import AppFacts
from contract.running import AppCheck, RunningApp, StartOutcome, TeardownReport
from contract.spec import AppSpec
from telemetry.spans import span, traced

OnProgress = Callable[[str], None]
DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
DEFAULT_POOL = "10.213.0.0/16"
_ENGINE_TIMEOUT_S = 60
_PROBE_TIMEOUT_S = 4


class DockerRuntime:
    """Builds, runs, checks and removes apps as containers of one engine."""

    def __init__(
        self,
        *,
        host: str,
        scope: str,
        artifacts: Artifacts,
        base_images: BaseImageMap = "auto",
        limits: AppLimits | None = None,
        analyzer_location: Location = "host",
        docker_host: str = DEFAULT_DOCKER_HOST,
        network_pool: str = DEFAULT_POOL,
    ) -> None:
        """Connect. Blocking: the engine is asked for its API version.

        Args:
            host: name of this host, stable over restarts.
            scope: names this installation; only resources with this label are seen or removed.
            artifacts: the store for logs.
            base_images: patterns to images, or `auto`.
            limits: of each app.
            analyzer_location: where live analyzers (and this process) run.
            docker_host: `unix:///path` or `tcp://host:port` of this machine.
            network_pool: IPv4 range for apps' networks, /16 to /24; lower half without egress.

        Raises:
            PlatformError: UNAVAILABLE, PERMISSION_DENIED; INVALID_ARGUMENT, FAILED_PRECONDITION:
                `docker_host` cannot be used.
        """
        self._host = host
        self._artifacts = artifacts
        self._untold: dict[str, SavedLogs] = {}
        self._location: Location = analyzer_location
        self._limits = limits or AppLimits()
        self._docker_host = docker_host = usable(docker_host, analyzer_location)
        client = connect(docker_host, _ENGINE_TIMEOUT_S)
        self._client = client
        self._engine = engine = learn(client)
        self._labels = Labels(scope, host)
        self._usage = UsageReader(client, self._labels)
        pool = ipaddress.IPv4Network(network_pool)
        self._firewall = Firewall(pool, engine.apart, names=engine.name == "Podman")
        self._networks = Networks(client, self._labels, self._firewall, engine)
        self._containers = Containers(client, self._labels, self._limits)
        self._volumes = Volumes(client, self._labels, self._limits.volume_bytes)
        stream = EngineStream(docker_host)
        building = Building.on(client, stream, docker_host, self._limits, engine)
        self._images = Images(
            client, stream, scope, BaseImages(base_images), self._limits, building
        )
        endings = Endings(client, self._containers)
        engine_host = Host(engine.here, reaches=not engine.apart)
        self._parts = Parts(
            client, self._labels, self._firewall, self._networks, self._containers, endings,
            self._volumes, self._images, self._limits, analyzer_location, engine_host, engine,
        )  # fmt: skip
        self._checker = AppChecker(
            self._containers,
            endings,
            analyzer_location,
            self._limits.disk_bytes,
            Patience(engine_host),
        )

    @property
    def description(self) -> str:
        """One line for people: how apps run here."""
        return f"apps run as Docker containers ({self._engine})"

    async def probe(self) -> None:
        """Ask the daemon for its version; a hung daemon does not answer.

        Raises:
            PlatformError: UNAVAILABLE, PERMISSION_DENIED.
        """
        await asyncio.to_thread(lambda: connect(self._docker_host, _PROBE_TIMEOUT_S).close())

    async def prepare(
        self, app: AppSpec, run_id: str, on_progress: OnProgress, on_built: OnBuilt = untold
    ) -> StartOutcome:
        """Make the images of `app`; `start` finds them by their content. `on_built` as there.

        Raises:
            PlatformError: as `start`.
        """

        async def build(starting: Starting) -> StartOutcome:
            return StartOutcome(phase="built", facts=AppFacts(notes=tuple(starting.notes)))

        starting = Starting(self._parts, app, run_id, on_progress, build_log=BuildLog(ahead=True))
        return await self._started(starting, on_built, build)

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: OnProgress,
        on_built: OnBuilt = untold,
    ) -> StartOutcome:
        """Build and start `app`, or adopt the containers that an earlier attempt of the run left.

        `on_built` is called when its images exist: with whether any had to be built.

        Raises:
            PlatformError: the platform is at fault; everything made so far stays for retry or
                teardown.
        """

        async def run(starting: Starting) -> StartOutcome:
            running = await starting.run(self._host)
            return StartOutcome(app=running, facts=starting.facts())

        return await self._started(Starting(self._parts, app, run_id, on_progress), on_built, run)

    async def _started(
        self,
        starting: Starting,
        on_built: OnBuilt,
        go_on: Callable[[Starting], Awaitable[StartOutcome]],
    ) -> StartOutcome:
        """Build, then `go_on`. The app's fault is returned as a value, with the logs of both."""
        saved = SavedLogs(self._artifacts)
        try:
            with span("build app") as seen:
                await starting.build()
                seen.set(unchanged=not starting.build_log.anew)
            await self._keep_build_log(starting, saved)
            on_built(starting.build_log.anew)
            outcome = await go_on(starting)
        except AppFault as fault:
            if not saved.refs:
                await self._keep_build_log(starting, saved)
            return await self._failed(starting.app, fault, saved, starting.notes)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:  # somebody removed it: a retry makes it again
                raise PlatformError(ErrorCode.UNAVAILABLE, error.message) from error
            noted = with_notes(error, starting.notes)
            if noted is error:  # an exception that is its own cause cannot be printed
                raise
            raise noted from error
        facts = outcome.facts.plus(AppFacts(logs=saved.refs))
        return outcome.model_copy(update={"facts": facts, "host": self._host})

    async def _keep_build_log(self, starting: Starting, saved: SavedLogs) -> None:
        if starting.build_log.text:
            await saved.keep("build.log", starting.build_log.text.encode())

    async def _failed(
        self, app: AppSpec, fault: AppFault, saved: SavedLogs, notes: Sequence[str]
    ) -> StartOutcome:
        """The app's fault as a value, with its logs; none of its containers goes on running."""
        await self._save_logs(app.workflow_id, "start", saved)
        await self._remove(app.workflow_id)
        return StartOutcome(
            phase=fault.phase,
            reason="; ".join((fault.reason, *saved.notes)),
            host=self._host,
            facts=AppFacts(logs=saved.refs, notes=tuple(notes)),
        )

    @traced("check app")
    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the answering containers are those that `start` saw, never restarted since.

        Raises:
            PlatformError: the engine is unreachable.
        """
        if self._location == "network" and app.network:
            await self._networks.connect_peers(app.network)
        result = await self._checker.check(app)
        if result.alive:
            return result
        saved = await self._save_logs(app.workflow_id, "app")
        return result.model_copy(update={"facts": AppFacts(logs=saved.refs)})

    @traced("remove app")
    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Save the logs that can be saved, then remove everything with the workflow's label.

        Raises:
            PlatformError: the engine is unreachable.
        """
        saved = await self._save_logs(workflow_id, "app", self._untold.pop(workflow_id, None))
        self._untold[workflow_id] = saved  # a retry finds no container of those that are gone
        report = await self._remove(workflow_id)
        self._untold.pop(workflow_id, None)
        return report.model_copy(update={"facts": AppFacts(logs=saved.refs, notes=saved.notes)})

    async def _remove(self, workflow_id: str) -> TeardownReport:
        return TeardownReport(
            containers=await self._containers.remove_all(workflow_id),
            networks=await self._networks.remove_all(workflow_id),
            volumes=await self._volumes.remove_all(workflow_id),
        )

    async def _save_logs(
        self, workflow_id: str, kind: str, saved: SavedLogs | None = None
    ) -> SavedLogs:
        """`<kind>-<service>.log` of each container: a line on its state, then its output."""
        saved = saved or SavedLogs(self._artifacts)
        try:
            states = await self._containers.states(workflow_id)
        except PlatformError as error:
            saved.notes += (f"no {kind} log is kept: {error.message}",)
            return saved
        for service, state in sorted(states.items()):
            await saved.keep(f"{kind}-{service}.log", self._log(service, state))
        return saved

    async def _log(self, service: str, state: State) -> bytes:
        head = "running" if state.running else state.ending
        return f"[{service}: {head}]\n".encode() + await self._containers.log(state.id)

    async def owned_workflows(self) -> Sequence[str]:
        """Workflow IDs that own a container, network or volume of this scope."""
        filters = self._labels.filters()
        found: set[str] = set()
        for container in await call(self._client.api.containers, all=True, filters=filters):
            found.add((container.get("Labels") or {}).get(LABEL_WORKFLOW, ""))
        for network in await call(self._client.api.networks, filters=filters):
            found.add((network.get("Labels") or {}).get(LABEL_WORKFLOW, ""))
        for volume in (await call(self._client.api.volumes, filters=filters)).get("Volumes") or []:
            found.add((volume.get("Labels") or {}).get(LABEL_WORKFLOW, ""))
        return sorted(found - {""})

    async def usage(self) -> Sequence[AppUsage]:
        """What the running apps of this scope use now.

        Raises:
            PlatformError: UNAVAILABLE: the engine does not answer.
        """
        return await asyncio.to_thread(self._usage.read)

    async def folder(self) -> Path:
        """Where the engine keeps images and volumes, on its own host; it may not be readable."""
        return await folder_of(self._client)

    async def prune(self) -> int:
        """Remove our images above `AppLimits.images_bytes`; returns the bytes freed."""
        return await self._images.prune()

    async def close(self) -> None:
        """Close connections to the engine."""
        await call(self._client.close)
