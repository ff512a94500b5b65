"""One start of an app on a Docker engine: read, built, created, brought up."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import docker

from clients.appfolder import AppPlan, ServicePlan, read_plan
from clients.appfolder.ownfiles import digest_of
from clients.blame import AppFault, PlatformFault
from clients.building_log import BuildLog
from clients.calm import Host
from clients.conditions import conditions
from clients.docker.about import Engine
from clients.docker.composer import Composers
from clients.docker.containers import Containers, State
from clients.docker.endings import Endings
from clients.docker.errors import call
from clients.docker.firewall import Firewall
from clients.docker.hints import Hints, hints_of
from clients.docker.images import BuiltImage, Images
from clients.docker.labels import LABEL_SOURCE, Labels
from clients.docker.launch import Launch, together
from clients.docker.network import Networks
from clients.docker.readiness import Moved
from clients.docker.start_faults import StartFaults
from clients.docker.volumes import Volumes
from clients.excuses import Circumstances
from clients.limits import AppLimits
from clients.targets import Location
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_RUN
from contract.outcome import AppFacts, ServiceImage
from contract.running import RunningApp, RunningService
from contract.spec import AppSpec
from telemetry.spans import traced

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a runtime that a start needs."""

    client: docker.DockerClient
    labels: Labels
    firewall: Firewall
    networks: Networks
    containers: Containers
    endings: Endings
    volumes: Volumes
    images: Images
    limits: AppLimits
    location: Location
    host: Host
    engine: Engine


@dataclass(slots=True)
class Starting:
    """One start.

    Attributes:
        notes: substitutions and settings not honoured, so far.
        build_log: of all builds so far.
    """

    parts: Parts
    app: AppSpec
    run_id: str
    on_progress: OnProgress
    notes: list[str] = field(default_factory=list[str])
    build_log: BuildLog = field(default_factory=BuildLog)
    _plan: AppPlan = field(default_factory=lambda: AppPlan(()))
    _images: dict[str, BuiltImage] = field(default_factory=dict[str, BuiltImage])
    _hints: dict[str, Hints] = field(default_factory=dict[str, Hints])
    _ids: dict[str, str] | None = None
    _net: str = ""

    async def build(self) -> None:
        """Read the app folder and make an image for each service.

        Raises:
            AppFault: the app is at fault.
            PlatformError: the platform is.
        """
        labels = self.parts.labels.of_app(self.app, self.run_id)
        root = Path(self.app.source.path)
        composer = Composers(self.parts.client, labels)
        self._plan = await asyncio.to_thread(read_plan, root, composer)
        self.notes += (*self.parts.engine.notes, *self._plan.dropped)

        async def build_network() -> str:
            networks = self.parts.networks
            return await networks.create(self.app.workflow_id, "build", labels, egress=True)

        for service in self._plan.services:
            try:
                image = await self.parts.images.ensure(service, build_network, self.on_progress)
            except (AppFault, PlatformFault) as found:
                self.notes += found.notes
                self.build_log.add(found.log if isinstance(found, AppFault) else "")
                raise
            self._images[service.name] = image
            self.notes += image.notes
            there = f"{service.name}: image unchanged, built earlier: {image.name}"
            self.build_log.add(image.log, there if service.context else "")

    @traced("start app")
    async def run(self, host: str) -> RunningApp:
        """Create the containers, unless an earlier attempt left them, and bring them up.

        Raises:
            AppFault: the app is at fault.
            PlatformError: the platform is.
        """
        services, network = await self._up()
        kind = self.parts.engine.kind
        ids = [self._hints[name].image_id for name in self._images]
        files = [
            await asyncio.to_thread(digest_of, plan.files)
            for plan in self._plan.services
            if plan.files
        ]
        return RunningApp(
            workflow_id=self.app.workflow_id,
            host=host,
            engine="docker",
            services=services,
            network=network,
            conditions=conditions(kind, self.parts.limits, self.app.egress, [*ids, *files]),
        )

    def facts(self) -> AppFacts:
        """Its images, once it runs, and its notes."""
        images = (
            ServiceImage(service=name, name=self._images[name].name, size_bytes=hints.image_bytes)
            for name, hints in self._hints.items()
        )
        return AppFacts(images=tuple(images), notes=tuple(self.notes))

    def _left_open(self, why: str) -> list[str]:
        """A note on what the missing firewall leaves open."""
        notes = [f"network: the app can reach ports of its host ({why})"]
        engine = self.parts.engine
        if self.app.egress != "allow" and engine.name == "Podman" and not engine.closes_by_network:
            notes.append(f"network: the app can reach the outside, which its spec denies ({why})")
        return notes

    async def _up(self) -> tuple[tuple[RunningService, ...], str]:
        """Running services and their network; all are created again where one listens elsewhere."""
        await together([self._install_firewall(), self._prepare(), self._read_hints()])
        ids, network = self._ids, self._net
        for _ in range(len(self._plan.services) + 1):
            ids = ids or await self._create(network)
            launch = await self._launch(ids, network)
            try:
                services = await launch.up()
            except AppFault:
                self.notes += launch.notes
                raise
            except Moved as moved:
                ids = None
                self._move(moved)
                # All containers, not only that one: the others have to write again what they wrote
                # for it.
                await self.parts.containers.remove_all(self.app.workflow_id)
                await self.parts.volumes.remove_all(self.app.workflow_id)
                continue
            self.notes += launch.notes
            return tuple(map(self._with_folder, services)), network
        message = "a service of the app listened on yet another port at each start"
        raise PlatformError(ErrorCode.INTERNAL, message)

    async def _install_firewall(self) -> None:
        """Install the firewall's rules before anything runs."""
        if obstacle := await self.parts.firewall.install():
            self.notes += self._left_open(obstacle)

    async def _prepare(self) -> None:
        """Find the containers to adopt, or remove leftovers for new ones; and make a network."""
        self._ids = await self._adoptable()
        if self._ids is None:
            await self._clear()
        self._net = await self._network()

    async def _read_hints(self) -> None:
        client, plans = self.parts.client, self._plan.services
        found = await together(
            [hints_of(client, plan, self._images[plan.name].name) for plan in plans]
        )
        self._hints = {plan.name: hints for plan, hints in zip(plans, found, strict=True)}

    async def _launch(self, ids: dict[str, str], network: str) -> Launch:
        parts, hints = self.parts, self._hints
        declared = {plan.name: hints[plan.name].declared(plan) for plan in self._plan.services}

        async def renew(plan: ServicePlan, container_id: str) -> str:
            await call(parts.client.api.remove_container, container_id, v=True, force=True)
            return await self._made(plan, network)

        faults = await self._start_faults(network)
        return Launch(
            parts.containers, parts.endings, faults, self._plan.services, ids,
            parts.location, parts.limits.start_deadline_s, parts.host, self.on_progress, declared,
            renew, {name: hint.source for name, hint in hints.items()},
        )  # fmt: skip

    def _with_folder(self, service: RunningService) -> RunningService:
        """Add the part of the app's folder that it is made of; all of it would tell nothing."""
        plan = next(
            candidate for candidate in self._plan.services if candidate.name == service.service
        )
        folders = (file.source for file in plan.files if file.source and file.source.is_dir())
        folder = plan.context or next(folders, None)
        if folder is None:
            return service
        root = Path(self.app.source.path).resolve()
        within = folder.resolve().relative_to(root).as_posix()
        return service.model_copy(update={"folder": "" if within == "." else within})

    def _move(self, moved: Moved) -> None:
        """Publish the port that the service was seen to listen on."""
        note = f"{moved.service}: listens on port {moved.port}, which it does not declare"
        self.notes.append(note)
        self.on_progress(note)
        services = tuple(
            replace(plan, listens=moved.port) if plan.name == moved.service else plan
            for plan in self._plan.services
        )
        self._plan = replace(self._plan, services=services)

    async def _network(self) -> str:
        labels = self.parts.labels.of_app(self.app, self.run_id)
        networks, egress = self.parts.networks, self.app.egress == "allow"
        network = await networks.create(
            self.app.workflow_id, "net", labels, egress, len(self._plan.services)
        )
        if len(self._plan.services) > 1:
            await networks.require_names(network)
        if self.parts.location == "network":
            await networks.connect_peers(network)
        return network

    async def _start_faults(self, network: str) -> StartFaults:
        """The circumstances of each service's start, and whether it tries to reach the outside."""
        denied = self.app.egress != "allow"
        under = {
            plan.name: Circumstances(
                self._images[plan.name].substitutions, self._plan.needed, denied
            )
            for plan in self._plan.services
        }
        subnet = await self.parts.networks.subnet(network) if denied else None
        firewall = self.parts.firewall
        before = firewall.turned_away(subnet)

        async def tried_outside(_state: State) -> bool:
            return firewall.turned_away(subnet) != before

        return StartFaults(self.parts.containers, under, tried_outside)

    async def _create(self, network: str) -> dict[str, str]:
        app, volumes = self.app, self.parts.volumes
        labels = self.parts.labels.of_app(app, self.run_id)
        for plan in self._plan.services:
            await volumes.create(app.workflow_id, plan, labels)
        await volumes.hold(app.workflow_id, self._plan.services, labels)
        return {plan.name: await self._made(plan, network) for plan in self._plan.services}

    async def _made(self, plan: ServicePlan, network: str) -> str:
        """ID of a new container for `plan`."""
        app, parts = self.app, self.parts
        labels = parts.labels.of_service(app, self.run_id, plan.name)
        image, ports = self._images[plan.name].name, self._hints[plan.name].to_publish(plan)
        return await parts.containers.create(app.workflow_id, plan, image, network, labels, ports)

    async def _adoptable(self) -> dict[str, str] | None:
        """IDs by service when all run this plan and source under these names, unbroken or done."""
        states = await self.parts.containers.states(self.app.workflow_id)

        def is_ours(state: State) -> bool:
            wanted = {LABEL_SOURCE: self.app.source.digest, LABEL_RUN: self.run_id}
            runs = state.unbroken or state.is_done
            named = state.dns_name == self.parts.labels.name(self.app.workflow_id, state.name)
            return runs and named and wanted.items() <= state.labels.items()

        plans: Sequence[ServicePlan] = self._plan.services
        if set(states) != {plan.name for plan in plans} or not all(map(is_ours, states.values())):
            return None
        return {name: state.id for name, state in states.items()}

    async def _clear(self) -> None:
        workflow_id = self.app.workflow_id
        await self.parts.containers.remove_all(workflow_id)
        await self.parts.networks.remove_all(workflow_id)
        await self.parts.volumes.remove_all(workflow_id)
