"""One build: by BuildKit where we can limit its steps or nothing else works, else classic.

The engine's build call ignores limits and networks when it uses BuildKit. `step_limits.py` sets
both from outside, as root on the engine's host. Elsewhere the classic builder, which supports both,
does what it can; the rest is built without limits, and a note says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import docker

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import fault
from clients.docker import podman
from clients.docker.about import DOCKER, Engine, name_of
from clients.docker.build_cache import BuildCache, cache_scope
from clients.docker.cgroup import BuildCgroups
from clients.docker.context import DOCKERFILE_NAME
from clients.docker.diagnosis import build_fault
from clients.docker.dockerfile import Dockerfile
from clients.docker.dockerfile_writer import lacking
from clients.docker.engine import ran_out_of_memory, running_since
from clients.docker.errors import call
from clients.docker.frontends import CLASSIC, Builder, language_of, official
from clients.docker.result import StreamResult
from clients.docker.step_limits import StepLimits
from clients.docker.stream import EngineStream, build_params, buildkit_params
from clients.limits import AppLimits
from clients.substitution import Substitution

FRONT_END = "docker/dockerfile:1"
_NEWEST = (99, 0)
NetworkFactory = Callable[[], Awaitable[str]]
Finder = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Order:
    """One build that is wanted.

    Attributes:
        context: a tar that includes `DOCKERFILE_NAME`.
        labels: of the image.
        bases: IDs of the images that it starts from.
    """

    plan: ServicePlan
    read: Dockerfile
    context: bytes
    tag: str
    labels: dict[str, str]
    bases: tuple[str, ...]
    substitutions: tuple[Substitution, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The builder, its front end (empty: the builder's own), and the limits that it cannot keep."""

    builder: Builder
    front_end: str = ""
    note: str = ""


@dataclass(slots=True)
class Building:
    """Chooses builders and runs builds, a few at a time."""

    client: docker.DockerClient
    stream: EngineStream
    limits: AppLimits
    cgroups: BuildCgroups
    step_limits: StepLimits
    cache: BuildCache
    engine: Engine
    _running: int = 0

    @classmethod
    def on(
        cls,
        client: docker.DockerClient,
        stream: EngineStream,
        docker_host: str,
        limits: AppLimits,
        engine: Engine = DOCKER,
    ) -> "Building":
        """The builders of the engine at `docker_host`."""
        cgroups = BuildCgroups(client, docker_host, limits.build_pids)
        cache = BuildCache(client, stream, limits)
        return cls(client, stream, limits, cgroups, StepLimits(docker_host, limits), cache, engine)

    @property
    def busy(self) -> bool:
        """Whether a build runs."""
        return self._running > 0

    async def choose(self, read: Dockerfile, find: Finder) -> Choice:
        """The builder for a Dockerfile.

        Args:
            read: the Dockerfile.
            find: whether an image is here or can be pulled.

        Raises:
            PlatformError: no builder here can build it; the message names builders that could.
        """
        engine: dict[str, Any] = await call(self.client.version)
        if name_of(engine) == "Podman":
            return Choice(Builder("classic", _NEWEST, "Podman"), note=await self._unlimited())
        version = str(engine.get("Version") or "")
        language = CLASSIC if engine.get("Os") == "windows" else language_of(version)
        classic = Builder("classic", CLASSIC, "the classic builder")
        if language == CLASSIC or not version:
            return await self._by_classic(read, classic)
        obstacle = self.engine.apart or await asyncio.to_thread(self.step_limits.obstacle)
        if not obstacle:
            self.step_limits.learn(str((await call(self.client.info)).get("DockerRootDir") or ""))
        if obstacle and not lacking(read.needs, classic):
            return await self._by_classic(read, classic)
        note = f"no limits of memory, processors and processes, no firewall ({obstacle})"
        buildkit = Builder("buildkit", language, f"the BuildKit of Docker Engine {version}")
        return await self._by_buildkit(read, buildkit, note if obstacle else "", find)

    async def _by_classic(self, read: Dockerfile, classic: Builder) -> Choice:
        if reason := lacking(read.needs, classic):
            raise fault(blame.UNSUPPORTED, "build", reason)
        return Choice(classic, note=await self._unlimited())

    async def _unlimited(self) -> str:
        obstacle = await self._no_cgroup()
        return f"no limit of processes ({obstacle})" if obstacle else ""

    async def _no_cgroup(self) -> str:
        """Why the classic builder gets no cgroup of ours; empty when it does."""
        return self.engine.apart or await self.cgroups.obstacle()

    async def _by_buildkit(
        self, read: Dockerfile, buildkit: Builder, note: str, find: Finder
    ) -> Choice:
        reason = lacking(read.needs, buildkit)
        if not reason:
            return Choice(buildkit, "", note)
        wanted = [read.front_end] if official(read.front_end) else []
        for image in dict.fromkeys((*wanted, FRONT_END)):
            if await find(image):
                return Choice(Builder("buildkit", _NEWEST, image), image, note)
        raise fault(blame.UNSUPPORTED, "build", reason)

    async def build(
        self,
        order: Order,
        choice: Choice,
        network: NetworkFactory,
        on_line: Callable[[str], None],
    ) -> tuple[str, tuple[str, ...]]:
        """Build within the limits. Returns the log of a successful build, and notes.

        Raises:
            AppFault: the app's author is at fault.
            PlatformError: the platform is.
        """
        since = await running_since(self.client)
        self._running += 1
        try:
            if choice.builder.kind == "buildkit":
                result, out_of_memory, notes = await self._buildkit(order, on_line)
            else:
                result, out_of_memory, notes = await self._classic(order, network, on_line)
        finally:
            self._running -= 1
        if not result.error:
            if not result.image:
                text = f"without an image and without an error, at last: {result.text[-200:]}"
                raise fault(blame.BUILD_ENGINE, "build", f"{self.engine} ended the build {text}")
            return result.text, notes
        if since != await running_since(self.client):
            message = "the Docker daemon was restarted during the build"
            raise fault(blame.ENGINE_RESTARTED, "build", message)
        raise build_fault(
            order.plan.name,
            result,
            order.substitutions,
            out_of_memory,
            self.limits.build_memory_bytes,
        )

    async def _classic(
        self, order: Order, network: NetworkFactory, on_line: Callable[[str], None]
    ) -> tuple[StreamResult, bool, tuple[str, ...]]:
        name = await network()
        limits, plan = self.limits, order.plan
        obstacle = await self._no_cgroup()  # an engine may refuse to build in an unusable cgroup
        limited = nullcontext("") if obstacle else self.cgroups.limited(f"{name} {order.tag}")
        with limited as cgroup:
            params = build_params(
                order.tag, DOCKERFILE_NAME, plan.args, plan.target, name, cgroup, limits
            )
            if self.engine.name == "Podman":
                params = podman.build_params(params, bool(self.engine.unlimited))
            result = await self.stream.build(
                order.context, params, limits.build_deadline_s, on_line
            )
        failed = bool(result.error) and bool(result.last_container())
        out_of_memory = failed and await ran_out_of_memory(self.client, result.last_container())
        return result, out_of_memory, ()

    async def _buildkit(
        self, order: Order, on_line: Callable[[str], None]
    ) -> tuple[StreamResult, bool, tuple[str, ...]]:
        args = self._args(order)
        params = buildkit_params(order.tag, DOCKERFILE_NAME, args, order.plan.target, order.labels)
        begun, deadline_s = time.time(), self.limits.build_deadline_s
        with self.step_limits.watching():
            before = self.step_limits.limited()
            try:
                result = await self.stream.build(order.context, params, deadline_s, on_line)
            finally:
                self.cache.built(begun)
            killed = result.exit_code == 137 and await asyncio.to_thread(
                self.step_limits.ran_out_of_memory, before
            )
            unlimited = self.step_limits.unlimited(before)
        notes = (f"{order.plan.name}: its build's limits: {unlimited}",) if unlimited else ()
        return result, killed, notes

    def _args(self, order: Order) -> dict[str, str]:
        """The app's build arguments, without those that control BuildKit itself, and ours."""
        given = order.plan.args
        steering = ("BUILDKIT_", "NO_PROXY")
        args = {n: v for n, v in given.items() if not n.upper().startswith(steering)}
        if order.read.has_cache_mounts:
            identity: list[Any] = [args, order.plan.target, order.bases, order.labels]
            scope = cache_scope(order.read, order.context, identity)
            args["BUILDKIT_CACHE_MOUNT_NS"] = f"assay-{scope}"
        return args | self.step_limits.build_args
