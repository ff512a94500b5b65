"""Hints where a service will listen, before it runs: its image, compose file and own files."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import docker

from clients.appfolder import ServicePlan
from clients.docker.errors import call
from clients.docker.named_ports import source_ports
from clients.docker.ports import candidate_ports, declared_ports


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints for one service.

    Attributes:
        image_id: the engine's ID of its image.
        image_bytes: size of its image, see `ServiceImage`; None: the engine does not tell.
        config: of the image.
        source: ports that the service's own files name.
    """

    image_id: str
    image_bytes: int | None
    config: Mapping[str, Any]
    source: tuple[int, ...]

    def declared(self, plan: ServicePlan) -> dict[int, str]:
        """Ports that it declares -> where it declares them; likeliest first."""
        return declared_ports(plan, self.config)

    def to_publish(self, plan: ServicePlan) -> tuple[int, ...]:
        """Ports of its container to publish."""
        return candidate_ports(self.declared(plan), self.source)


async def hints_of(client: docker.DockerClient, plan: ServicePlan, image: str) -> Hints:
    """The hints for the service `plan`, which runs `image`.

    Raises:
        PlatformError: NOT_FOUND when the image was removed.
    """
    files = [file.source for file in plan.files if file.source]
    roots = [plan.context, *files] if plan.context else files
    found, source = await asyncio.gather(
        call(client.images.get, image), asyncio.to_thread(source_ports, roots)
    )
    config = cast("dict[str, Any]", found.attrs.get("Config") or {})
    size = found.attrs.get("Size")
    return Hints(str(found.id), size if isinstance(size, int) else None, config, source)
