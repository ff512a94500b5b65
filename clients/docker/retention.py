"""How long built images are kept: above a disk limit those unused for longest are removed first."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import docker

from clients.docker.engine import moment
from clients.docker.errors import call
from clients.limits import AppLimits
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_WORKFLOW

REPOSITORY = "assay-app"
# Label: how many steps of an image's history belong to its base (BuildKit keeps no images of
# steps).
LABEL_BASE_STEPS = "dev.assay.base-steps"


@dataclass(frozen=True, slots=True)
class _Image:
    """A built image; `layers`: bytes by layer, without those of its base."""

    id: str
    tags: tuple[str, ...]
    used: datetime
    layers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Retention:
    """Our images: tagged `REPOSITORY`, with all of `labels`."""

    client: docker.DockerClient
    labels: dict[str, str]
    limits: AppLimits

    async def touch(self, tag: str) -> None:
        """Note that `tag` is in use: the engine remembers the time of the last tagging."""
        repository, name = tag.split(":")
        await call(self.client.api.tag, tag, repository, name)

    async def prune(self, stages: bool) -> int:
        """Remove images above the limit, and leftovers of old builds; returns the bytes freed.

        Args:
            stages: whether to remove unnamed stages, too; a running build may need one.

        Raises:
            PlatformError: the engine is unreachable.
        """
        labels = [f"{name}={value}" for name, value in self.labels.items()]
        await self._remove_steps(labels)
        freed = await self._prune_stages(labels) if stages else 0
        listed: list[dict[str, Any]] = await call(
            self.client.api.images, REPOSITORY, filters={"label": labels}
        )
        images = [image for entry in listed if (image := await self._look_at(entry["Id"]))]
        rested = datetime.now(UTC) - timedelta(seconds=self.limits.image_idle_s)
        for image in sorted(images, key=lambda image: image.used):
            if (before := _disk(images)) <= self.limits.images_bytes or image.used > rested:
                break
            if await self._remove(image):
                images.remove(image)
                freed += before - _disk(images)
        return freed

    async def _remove_steps(self, labels: list[str]) -> None:
        """Remove containers of build steps that the end of their engine left behind.

        They carry the labels of their image, which names no workflow.
        """
        filters = {"label": labels, "status": ["created", "exited", "dead"]}
        found: list[dict[str, Any]] = await call(
            self.client.api.containers, all=True, filters=filters
        )
        before = time.time() - self.limits.build_deadline_s
        for image in found:
            if LABEL_WORKFLOW in (image.get("Labels") or {}) or image["Created"] > before:
                continue
            try:
                await call(self.client.api.remove_container, image["Id"], v=True, force=True)
            except PlatformError as error:
                if error.code in (ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED):
                    raise

    async def _prune_stages(self, labels: list[str]) -> int:
        stale = {"dangling": True, "label": labels, "until": "1h"}
        answer = await call(self.client.images.prune, filters=stale)
        return int(answer.get("SpaceReclaimed") or 0)

    async def _look_at(self, image_id: str) -> _Image | None:
        try:
            answer: dict[str, Any] = await call(self.client.api.inspect_image, image_id)
            history: list[dict[str, Any]] = await call(self.client.api.history, image_id)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return None
            raise
        tagged = str((answer.get("Metadata") or {}).get("LastTagTime") or "0001-")
        labels: dict[str, str] = (answer.get("Config") or {}).get("Labels") or {}
        used = answer["Created"] if tagged.startswith("0001-") else tagged
        return _Image(
            image_id, tuple(answer["RepoTags"] or ()), moment(str(used)), _layers(history, labels)
        )

    async def _remove(self, image: _Image) -> bool:
        """Whether it was removed; an image in use stays."""
        try:
            for name in image.tags or (image.id,):
                await call(self.client.images.remove, name)
        except PlatformError as error:
            if error.code in (ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED):
                raise
            return False
        return True


def _layers(history: Sequence[dict[str, Any]], labels: Mapping[str, str]) -> dict[str, int]:
    """Bytes by layer, newest first, down to the base: by count, or to a tag that is not ours."""
    if (steps := labels.get(LABEL_BASE_STEPS, "")).isdecimal():
        own = history[: max(0, len(history) - int(steps))]
        return {
            f"{layer['Created']} {layer['CreatedBy']} {layer['Size']}": layer["Size"]
            for layer in own
        }
    layers: dict[str, int] = {}
    for step in history:
        tags: list[str] = step.get("Tags") or []
        if step["Id"] == "<missing>" or any(not t.startswith(f"{REPOSITORY}:") for t in tags):
            break
        layers[step["Id"]] = int(step["Size"])
    return layers


def _disk(images: Iterable[_Image]) -> int:
    """Bytes of all layers; a layer that several images share counts once."""
    layers: dict[str, int] = {}
    for image in images:
        layers |= image.layers
    return sum(layers.values())
