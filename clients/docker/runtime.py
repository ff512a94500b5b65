"""`AppRuntime` on a Docker engine.

Guarantees of a running app, on an engine of this host and with root for the firewall: ports are
published on 127.0.0.1 alone; memory, CPU, processes, log and volume sizes are bounded;
capabilities are dropped but for seven, no-new-privileges is set; it reaches its own services by
name, but neither other apps nor the host's ports nor (egress `deny`) the outside. What cannot be
guaranteed on an engine is said in `RunningApp.dropped`.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.appfolder import AppFault, AppPlan, ServicePlan, read_plan
from clients.conditions import conditions
from clients.docker.base_images import BaseImageMap, BaseImages
from clients.docker.cgroup import BuildCgroups
from clients.docker.checks import AppChecker
from clients.docker.containers import Containers, State
from clients.docker.errors import call, connect
from clients.docker.firewall import Firewall
from clients.docker.images import BuildFault, BuiltImage, Images
from clients.docker.labels import LABEL_SOURCE, Labels
from clients.docker.launch import Launch
from clients.docker.network import Networks
from clients.docker.stream import EngineStream
from clients.docker.volumes import Volumes
from clients.limits import AppLimits
from clients.logs import Artifacts, SavedLogs
from clients.targets import Location
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_RUN, LABEL_WORKFLOW
from contract.running import AppCheck, RunningApp, StartOutcome, TeardownReport
from contract.spec import AppSpec

OnProgress = Callable[[str], None]
DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
DEFAULT_POOL = "10.213.0.0/16"
_ENGINE_TIMEOUT_S = 60
_PROBE_TIMEOUT_S = 4


@dataclass(frozen=True, slots=True)
class _Prepared:
    plan: AppPlan
    images: dict[str, BuiltImage]
    logs: tuple[ArtifactRef, ...]


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
            scope: names this installation; only what carries it is ever seen or removed.
            artifacts: where logs go.
            base_images: patterns to images, or `auto`.
            limits: of each app.
            analyzer_location: where live analyzers (and this process) run.
            docker_host: `unix:///path` or `tcp://host:port`.
            network_pool: IPv4 range for apps' networks, /16 to /24; lower half without egress.

        Raises:
            PlatformError: UNAVAILABLE, PERMISSION_DENIED.
        """
        self._host = host
        self._artifacts = artifacts
        self._location: Location = analyzer_location
        self._limits = limits or AppLimits()
        self._docker_host = docker_host
        client = connect(docker_host, _ENGINE_TIMEOUT_S)
        self._client = client
        self._labels = Labels(scope, host)
        self._firewall = Firewall(ipaddress.IPv4Network(network_pool))
        self._networks = Networks(client, self._labels, self._firewall)
        self._containers = Containers(client, self._labels, self._limits)
        self._volumes = Volumes(client, self._labels, self._limits.volume_bytes)
        stream = EngineStream(docker_host)
        cgroups = BuildCgroups(client, docker_host, self._limits.build_pids)
        self._images = Images(client, stream, scope, BaseImages(base_images), self._limits, cgroups)
        self._checker = AppChecker(self._containers, analyzer_location, self._limits.disk_bytes)

    @property
    def host(self) -> str:
        """Name of this host, stable over restarts."""
        return self._host

    @property
    def description(self) -> str:
        """One line for people: how apps run here."""
        return "apps run as Docker containers"

    async def probe(self) -> None:
        """Let the daemon say its version, which a hung one does not.

        Raises:
            PlatformError: UNAVAILABLE, PERMISSION_DENIED.
        """
        await asyncio.to_thread(lambda: connect(self._docker_host, _PROBE_TIMEOUT_S).close())

    async def start(
        self, app: AppSpec, run_id: str, on_progress: Callable[[str], None]
    ) -> StartOutcome:
        """Build and start `app`, or adopt the containers that an earlier attempt of the run left.

        Raises:
            PlatformError: the platform is at fault; what was made stays for the retry or teardown.
        """
        logs: tuple[ArtifactRef, ...] = ()
        try:
            prepared = await self._prepare(app, run_id, on_progress)
            logs = prepared.logs
            running = await self._run(app, run_id, prepared, on_progress)
        except AppFault as fault:
            return await self._failed(app, fault, logs)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:  # removed under our hands: made anew by a retry
                raise PlatformError(ErrorCode.UNAVAILABLE, error.message) from error
            raise
        return StartOutcome(app=running, logs=logs, host=self._host)

    async def _prepare(self, app: AppSpec, run_id: str, on_progress: OnProgress) -> _Prepared:
        """Read the app folder and make an image for each service."""
        plan = read_plan(Path(app.source.path))
        labels = self._labels.of_app(app, run_id)

        async def build_network() -> str:
            return await self._networks.create(app.workflow_id, "build", labels, egress=True)

        images: dict[str, BuiltImage] = {}
        for service in plan.services:
            images[service.name] = await self._images.ensure(service, build_network, on_progress)
        log = "".join(image.log for image in images.values())
        logs = (await self._artifacts.put_bytes(log.encode(), "build.log"),) if log else ()
        return _Prepared(plan, images, logs)

    async def _run(
        self, app: AppSpec, run_id: str, prepared: _Prepared, on_progress: OnProgress
    ) -> RunningApp:
        workflow_id, plans = app.workflow_id, prepared.plan.services
        unguarded = await self._firewall.install()
        adopted = await self._adoptable(app, run_id, plans)
        if adopted is None:
            await self._remove(workflow_id)
        labels = self._labels.of_app(app, run_id)
        network = await self._networks.create(workflow_id, "net", labels, app.egress == "allow")
        if self._location == "network":
            await self._networks.connect_peers(network)
        ids = adopted or await self._create(app, run_id, prepared, network)
        launch = Launch(
            self._containers, workflow_id, plans, ids, self._location,
            self._limits.start_deadline_s, on_progress,
        )  # fmt: skip
        services = await launch.up()
        image_ids = [await self._images.id_of(image.name) for image in prepared.images.values()]
        notes = [note for image in prepared.images.values() for note in image.notes]
        if unguarded:
            notes.append(f"network: the app can reach ports of its host ({unguarded})")
        return RunningApp(
            workflow_id=workflow_id,
            host=self._host,
            engine="docker",
            services=services,
            network=network,
            images=tuple(image.name for image in prepared.images.values()),
            dropped=(*prepared.plan.dropped, *notes),
            conditions=conditions("docker", self._limits, app.egress, image_ids),
        )

    async def _create(
        self, app: AppSpec, run_id: str, prepared: _Prepared, network: str
    ) -> dict[str, str]:
        ids: dict[str, str] = {}
        for plan in prepared.plan.services:
            await self._volumes.create(app.workflow_id, plan, self._labels.of_app(app, run_id))
            labels = self._labels.of_service(app, run_id, plan.name, plan.role)
            image = prepared.images[plan.name].name
            ids[plan.name] = await self._containers.create(
                app.workflow_id, plan, image, network, labels
            )
        return ids

    async def _adoptable(
        self, app: AppSpec, run_id: str, plans: Sequence[ServicePlan]
    ) -> dict[str, str] | None:
        """IDs by service when all are there, unbroken, of this run and of this source."""
        states = await self._containers.states(app.workflow_id)

        def ours(state: State) -> bool:
            wanted = {LABEL_SOURCE: app.source.digest, LABEL_RUN: run_id}
            return state.unbroken and wanted.items() <= state.labels.items()

        if set(states) != {plan.name for plan in plans} or not all(map(ours, states.values())):
            return None
        return {name: state.id for name, state in states.items()}

    async def _failed(
        self, app: AppSpec, fault: AppFault, logs: tuple[ArtifactRef, ...]
    ) -> StartOutcome:
        """The app's fault as a value, with its logs; nothing of it goes on running."""
        saved = SavedLogs(self._artifacts, logs)
        if isinstance(fault, BuildFault):
            await saved.keep("build.log", fault.log.encode())
        await self._save_logs(app.workflow_id, "start", saved)
        await self._remove(app.workflow_id)
        reason = "; ".join((fault.reason, *saved.notes))
        return StartOutcome(phase=fault.phase, reason=reason, logs=saved.refs, host=self._host)

    async def check(self, app: RunningApp) -> AppCheck:
        """Whether the containers that answer are the ones that `start` saw, never restarted since.

        Raises:
            PlatformError: the engine is unreachable.
        """
        if self._location == "network" and app.network:
            await self._networks.connect_peers(app.network)
        result = await self._checker.check(app)
        if result.alive:
            return result
        saved = await self._save_logs(app.workflow_id, "app")
        return result.model_copy(update={"logs": saved.refs})

    async def teardown(self, workflow_id: str) -> TeardownReport:
        """Save what logs can be saved, then remove all that carries the workflow's label.

        Raises:
            PlatformError: the engine is unreachable.
        """
        saved = await self._save_logs(workflow_id, "app")
        report = await self._remove(workflow_id)
        return report.model_copy(update={"logs": saved.refs, "notes": saved.notes})

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

    async def prune(self) -> int:
        """Remove our images above `AppLimits.images_bytes`, longest unused first; bytes freed."""
        return await self._images.prune()

    async def remove_firewall(self) -> None:
        """Take back the host's firewall rules for this runtime's pool; `start` makes them anew."""
        await self._firewall.remove()

    async def close(self) -> None:
        """Close connections to the engine."""
        await call(self._client.close)
