"""Builds on the real engine, in a scope of their own."""

import asyncio
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from clients.appfolder import ServicePlan
from clients.docker.base_images import BaseImages
from clients.docker.building import Building
from clients.docker.images import BuiltImage, Images
from clients.docker.stream import EngineStream
from clients.limits import AppLimits
from contract.ids import LABEL_SCOPE

HOST = "unix:///var/run/docker.sock"


class Builds:
    """Images of one scope, and what to build with them."""

    def __init__(self, root: Path, scope: str) -> None:
        self.root = root
        self.scope = scope
        self.client = docker.DockerClient()
        self.images = self.make()

    def make(self, obstacle: str = "", **limits: Any) -> Images:
        """Another `Images` of the scope; an `obstacle` prevents the limits of its steps."""
        chosen, stream = AppLimits(**limits), EngineStream(HOST)
        building = Building.on(self.client, stream, HOST, chosen)
        if obstacle:
            building.step_limits.obstacle = lambda: obstacle
        return Images(self.client, stream, self.scope, BaseImages("auto"), chosen, building)

    def plan(
        self, dockerfile: str, args: dict[str, str] | None = None, **files: str
    ) -> ServicePlan:
        """A service in a new folder; `__` in the name of a file stands for its dot."""
        folder = self.root / uuid.uuid4().hex
        folder.mkdir()
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return ServicePlan("web", context=folder, dockerfile=dockerfile, args=args or {})

    async def ensure(self, plan: ServicePlan, images: Images | None = None) -> BuiltImage:
        """Build `plan`."""
        return await (images or self.images).ensure(plan, _network, lambda _: None)

    def run(self, image: BuiltImage, *command: str) -> str:
        """Output of a command in a container of the image."""
        said: Any = self.client.containers.run(image.name, list(command), remove=True)
        return said.decode()

    def remove(self) -> None:
        """Remove the scope's images."""
        label = {"label": f"{LABEL_SCOPE}={self.scope}"}
        for one in self.client.images.list(all=False, filters=label):
            self.client.images.remove(str(one.id), force=True)
        asyncio.run(self.images.building.cache.prune())
        self.client.close()


async def _network() -> str:
    return "bridge"


@contextmanager
def builds_in(root: Path) -> Generator[Builds]:
    """Builds whose images are removed afterwards."""
    builds = Builds(root, f"test-{uuid.uuid4().hex[:12]}")
    try:
        yield builds
    finally:
        builds.remove()
