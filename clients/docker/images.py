"""Images of apps: bases resolved, Dockerfile rewritten, built once per content, pruned by use."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import docker

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import PlatformFault, fault
from clients.docker import dockerfile
from clients.docker.base_images import BaseImages, serves, short_name
from clients.docker.cgroup import BuildCgroups
from clients.docker.context import DOCKERFILE_NAME, pack_context
from clients.docker.diagnosis import build_fault
from clients.docker.engine import ran_out_of_memory, running_since
from clients.docker.errors import call
from clients.docker.retention import REPOSITORY, Retention
from clients.docker.stream import EngineStream, build_params, split_tag
from clients.limits import AppLimits
from clients.substitution import Substitution
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_MANAGED, LABEL_SCOPE

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
OnProgress = Callable[[str], None]
NetworkFactory = Callable[[], Awaitable[str]]
_REGISTRY_FIRST_ANSWER_S = 15.0
_REGISTRY_PULL_S = 600.0
_REGISTRY_DOWN_S = 300.0


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image ready to run; `log` is empty when it was there already."""

    name: str
    notes: tuple[str, ...] = ()
    log: str = ""
    substitutions: tuple[Substitution, ...] = ()


@dataclass(slots=True)
class Images:
    """Builds and finds images. One build of the same content at a time."""

    client: docker.DockerClient
    stream: EngineStream
    scope: str
    bases: BaseImages
    limits: AppLimits
    cgroups: BuildCgroups
    _registry_down_until: float = 0.0
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    @property
    def _retention(self) -> Retention:
        return Retention(self.client, self._labels, self.limits)

    @property
    def _labels(self) -> dict[str, str]:
        return {LABEL_MANAGED: "1", LABEL_SCOPE: self.scope}

    async def ensure(
        self, plan: ServicePlan, network: NetworkFactory, on_progress: OnProgress
    ) -> BuiltImage:
        """The image of `plan`, built on the network that `network` makes if its content is new.

        Raises:
            AppFault: the build failed by the app's own fault.
            PlatformError: no base image, no engine, no package registry, a full disk.
        """
        notes: list[str] = []
        try:
            return await self._ensure(plan, network, on_progress, notes)
        except (AppFault, PlatformFault) as found:
            found.notes = tuple(notes)
            raise

    async def _ensure(
        self,
        plan: ServicePlan,
        network: NetworkFactory,
        on_progress: OnProgress,
        notes: list[str],
    ) -> BuiltImage:
        if plan.context is None:
            used, found = await self._resolve(plan.image, on_progress)
            notes += [f"{plan.name}: {found}"] if found else []
            return BuiltImage(used, tuple(notes), "", (found,) if found else ())
        known: dict[str, tuple[str, Substitution | None]] = {}
        for image in dockerfile.external_images(plan.dockerfile, plan.args):
            known[image] = await self._resolve(image, on_progress)
        text = dockerfile.rewrite(
            plan.dockerfile, plan.args, lambda image: known[image][0], self._labels
        )
        if text.unsupported:
            said = f"{plan.name}: the Dockerfile needs BuildKit for {text.unsupported}: the classic"
            raise fault(blame.UNSUPPORTED, "build", f"{said} builder of this engine lacks it")
        substitutions = tuple(found for _, found in known.values() if found)
        notes += [f"{plan.name}: {found}" for found in substitutions]
        notes += [f"{plan.name}: {note}" for note in text.notes]
        context = await asyncio.to_thread(
            pack_context, plan.context, text.text, self.limits.context_bytes
        )
        key = await self._key(plan, context, [used for used, _ in known.values()])
        tag = f"{REPOSITORY}:{key}"
        async with self._locks.setdefault(key, asyncio.Lock()):
            if await self._exists(tag):
                await self._retention.touch(tag)
                on_progress(f"{plan.name}: image unchanged")
                return BuiltImage(tag, tuple(notes), "", substitutions)
            if obstacle := await self.cgroups.obstacle():
                notes.append(f"{plan.name}: processes of its build are not limited ({obstacle})")
            log = await self._build(plan, context, tag, substitutions, network, on_progress)
        return BuiltImage(tag, tuple(notes), log, substitutions)

    async def _build(
        self,
        plan: ServicePlan,
        context: bytes,
        tag: str,
        substitutions: tuple[Substitution, ...],
        network: NetworkFactory,
        on_progress: OnProgress,
    ) -> str:
        network_name = await network()
        since = await running_since(self.client)
        with self.cgroups.limited(f"{network_name} {tag}") as cgroup:
            params = build_params(
                tag, DOCKERFILE_NAME, plan.args, plan.target, network_name, cgroup, self.limits
            )
            result = await self.stream.build(
                context,
                params,
                self.limits.build_deadline_s,
                lambda line: on_progress(f"{plan.name}: {line}"),
            )
        if not result.error:
            return result.text
        if since != await running_since(self.client):
            message = "the Docker daemon was restarted during the build"
            raise fault(blame.ENGINE_RESTARTED, "build", message)
        out_of_memory = await ran_out_of_memory(self.client, result.last_container())
        raise build_fault(
            plan.name, result, substitutions, out_of_memory, self.limits.build_memory_bytes
        )

    async def _key(self, plan: ServicePlan, context: bytes, bases: list[str]) -> str:
        """Identity of a build: context (Dockerfile included), arguments, target, base image IDs."""
        identity = hashlib.sha256(context)
        ids = [await self.id_of(name) for name in bases if name != "scratch"]
        identity.update(
            json.dumps([plan.args, plan.target, ids, self.scope], sort_keys=True).encode()
        )
        return identity.hexdigest()[:24]

    async def id_of(self, name: str) -> str:
        """The engine's ID of an image.

        Raises:
            PlatformError: NOT_FOUND when it was removed.
        """
        return str((await call(self.client.images.get, name)).id)

    async def _resolve(
        self, image: str, on_progress: OnProgress
    ) -> tuple[str, Substitution | None]:
        """What `image` is on this host: itself, mapped, pulled, or a stand-in."""
        if not _REFERENCE.fullmatch(image):
            raise AppFault("build", f"{image[:100]!r} is no name of an image")
        found = self.bases.mapped(image)
        if found is not None and await self._exists(found.used):
            return found.used, found
        if await self._exists(image) or await self._pull(image, on_progress):
            return image, None
        local = await self._local_names()
        found = self.bases.stand_in(image, local)
        if found is not None:
            return found.used, found
        raise fault(
            blame.NO_BASE_IMAGE,
            "build",
            f"base image {image} is neither local nor pullable{_too_far(image, local)}; load it"
            " with `docker load`, or run `make base-images` for stand-ins of common ones",
        )

    async def _pull(self, image: str, on_progress: OnProgress) -> bool:
        """Whether `image` could be pulled. A registry found down is not asked again for a while."""
        if time.monotonic() < self._registry_down_until:
            return False
        on_progress(f"pulling {image}")
        result = await self.stream.pull(
            image, _REGISTRY_FIRST_ANSWER_S, _REGISTRY_PULL_S, on_progress
        )
        if result.error and not any(
            word in result.error for word in ("not found", "manifest unknown", "does not exist")
        ):
            self._registry_down_until = time.monotonic() + _REGISTRY_DOWN_S
        return not result.error and await self._exists(image)

    async def _exists(self, image: str) -> bool:
        repository, tag = split_tag(image)
        try:
            name = f"{repository}:{tag}" if tag else repository
            await call(self.client.images.get, name)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return False
            raise
        return True

    async def _local_names(self) -> set[str]:
        # Not `images.list()`: it inspects each image, and one may be gone by then.
        images = await call(self.client.api.images)
        return {tag for image in images for tag in image.get("RepoTags") or ()}

    async def prune(self) -> int:
        """Remove images above the limit, the longest unused first; bytes freed."""
        await asyncio.to_thread(self.cgroups.sweep)
        building = any(lock.locked() for lock in self._locks.values())
        return await self._retention.prune(stages=not building)


def _too_far(image: str, local: set[str]) -> str:
    """Why no stand-in of its family serves; empty when there is no such family."""
    family = f"assay/{short_name(image).partition(':')[0]}:"
    far = sorted(name for name in local if name.startswith(family) and not serves(image, name))
    return f", and {', '.join(far)} is of another major version, another program" if far else ""
