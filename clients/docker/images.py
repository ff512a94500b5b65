"""Images of apps: bases resolved, Dockerfile rewritten, built once per content, pruned by use."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import docker

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import PlatformFault, fault
from clients.docker import dockerfile
from clients.docker.base_images import BaseImages, serves, short_name
from clients.docker.building import Building, Choice, NetworkFactory, Order
from clients.docker.context import pack_context
from clients.docker.dockerfile_writer import written
from clients.docker.early_install import NOTE, is_moved, with_early_installs
from clients.docker.errors import call
from clients.docker.retention import LABEL_BASE_STEPS, REPOSITORY, Retention
from clients.docker.stream import EngineStream, split_tag
from clients.limits import AppLimits
from clients.named_locks import NamedLocks
from clients.substitution import Substitution
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_MANAGED, LABEL_SCOPE
from telemetry.spans import span, traced

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
OnProgress = Callable[[str], None]
_REGISTRY_FIRST_ANSWER_S = 15.0
_REGISTRY_PULL_S = 600.0
_REGISTRY_DOWN_S = 300.0
_LISTED_S = 300.0


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image ready to run; `log` is empty when the image existed already."""

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
    building: Building
    _registry_down_until: float = 0.0
    _local: set[str] = field(default_factory=set[str])
    _local_until: float = 0.0
    _locks: NamedLocks = field(default_factory=NamedLocks)
    _failed: dict[str, tuple[float, AppFault]] = field(
        default_factory=dict[str, tuple[float, AppFault]]
    )

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
        read = await asyncio.to_thread(dockerfile.read, plan.dockerfile, plan.args, plan.target)
        read = await asyncio.to_thread(with_early_installs, read, plan.context)
        notes += [f"{plan.name}: {NOTE}"] if is_moved(read) else []
        known: dict[str, tuple[str, Substitution | None]] = {}
        for image in read.images:
            known[image] = await self._resolve(image, on_progress)

        async def find(image: str) -> bool:
            return await self._exists(image) or await self._pull(image, on_progress)

        choice = await self.building.choose(read, find)
        text, changes = written(read, lambda image: known[image][0], self._labels, choice.builder)
        substitutions = tuple(found for _, found in known.values() if found)
        notes += [f"{plan.name}: {found}" for found in (*substitutions, *changes)]
        front_end = f"# syntax={choice.front_end}\n" if choice.front_end else ""
        context = await asyncio.to_thread(
            pack_context, plan.context, front_end + text, self.limits.context_bytes
        )
        notes += [f"{plan.name}: {note}" for note in context.notes]
        bases = tuple([await self.id_of(name) for name, _ in known.values()])
        tag = f"{REPOSITORY}:{self._key(plan, context.data, bases)}"
        labels = self._labels
        if choice.builder.kind == "buildkit":
            labels |= await self._base_steps(known.get(read.base, ("",))[0])
        order = Order(plan, read, context.data, tag, labels, bases, substitutions)
        log = await self._once(order, choice, network, on_progress, notes)
        return BuiltImage(tag, tuple(notes), log, substitutions)

    async def _once(
        self,
        order: Order,
        choice: Choice,
        network: NetworkFactory,
        on_progress: OnProgress,
        notes: list[str],
    ) -> str:
        """Build if it is missing, once for all who wait. Returns its log; empty if it existed."""
        name, asked = order.plan.name, time.monotonic()
        async with self._locks.of(order.tag):
            if await self._exists(order.tag):
                await self._retention.touch(order.tag)
                on_progress(f"{name}: image unchanged")
                return ""
            failed_at, failed = self._failed.get(order.tag, (0.0, None))
            if failed is not None and failed_at > asked:
                raise AppFault(failed.phase, failed.reason, failed.row, failed.log)
            if choice.note:
                notes.append(f"{name}: its build runs with {choice.note}")
            try:
                with span("build image", builder=choice.builder.kind):
                    log, more = await self.building.build(
                        order, choice, network, lambda line: on_progress(f"{name}: {line}")
                    )
            except AppFault as failed:
                self._failed = {order.tag: (time.monotonic(), failed)}
                raise
        notes += more
        return log

    def _key(self, plan: ServicePlan, context: bytes, bases: Sequence[str]) -> str:
        """Identity of a build: context (Dockerfile included), arguments, target, base image IDs."""
        identity = hashlib.sha256(context)
        inputs = [plan.args, plan.target, list(bases), self.scope]
        identity.update(json.dumps(inputs, sort_keys=True).encode())
        return identity.hexdigest()[:24]

    async def _base_steps(self, base: str) -> dict[str, str]:
        """A label that tells an image's own layers from those of its base."""
        history: list[Any] = await call(self.client.api.history, base) if base else []
        return {LABEL_BASE_STEPS: str(len(history))}

    async def id_of(self, name: str) -> str:
        """The engine's ID of an image.

        Raises:
            PlatformError: NOT_FOUND when it was removed.
        """
        return str((await call(self.client.images.get, name)).id)

    async def _resolve(
        self, image: str, on_progress: OnProgress
    ) -> tuple[str, Substitution | None]:
        """The image used for `image` on this host: itself, mapped, pulled, or a stand-in."""
        if not _REFERENCE.fullmatch(image):
            raise AppFault("build", f"{image[:100]!r} is no name of an image")
        found = self.bases.mapped(image)
        if found is not None and await self._exists(found.used):
            return found.used, found
        if await self._exists(image) or await self._pull(image, on_progress):
            return image, None
        # Listing all images takes a busy engine a second: the last list serves while it has the
        # image.
        found = self.bases.stand_in(image, self._local)
        if time.monotonic() < self._local_until and found and await self._exists(found.used):
            return found.used, found
        self._local = local = await self._local_names()
        self._local_until = time.monotonic() + _LISTED_S
        found = self.bases.stand_in(image, local)
        if found is not None:
            return found.used, found
        raise fault(
            blame.NO_BASE_IMAGE,
            "build",
            f"base image {image} is neither local nor pullable{_too_far(image, local)}; load it"
            " with `docker load`, or run `make base-images` for stand-ins of common ones",
        )

    @traced("pull image")
    async def _pull(self, image: str, on_progress: OnProgress) -> bool:
        """Whether `image` could be pulled. A registry that failed is not asked for a while."""
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
        # Not `images.list()`: it inspects each image, and an image may be gone by then.
        images = await call(self.client.api.images)
        return {tag for image in images for tag in image.get("RepoTags") or ()}

    async def prune(self) -> int:
        """Remove images above the limit, those unused for longest first; returns bytes freed."""
        await asyncio.to_thread(self.building.cgroups.sweep)
        freed = await self._retention.prune(stages=not self.building.busy)
        return freed + await self.building.cache.prune()


def _too_far(image: str, local: set[str]) -> str:
    """Why no stand-in of its family can be used; empty when there is no such family."""
    family = f"assay/{short_name(image).partition(':')[0]}:"
    far = sorted(name for name in local if name.startswith(family) and not serves(image, name))
    return f", and {', '.join(far)} is of another major version, another program" if far else ""
