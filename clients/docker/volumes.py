"""Named volumes of an app: kept in memory, so that their size is bounded on every engine."""

import os
from dataclasses import dataclass

import docker

from clients.appfolder import ServicePlan
from clients.docker.containers import volume_name
from clients.docker.errors import call
from clients.docker.labels import Labels
from contract.errors import ErrorCode, PlatformError


@dataclass(frozen=True, slots=True)
class Volumes:
    """The engine's volumes that carry our labels."""

    client: docker.DockerClient
    labels: Labels
    size_bytes: int

    async def create(self, workflow_id: str, plan: ServicePlan, labels: dict[str, str]) -> None:
        """Make the volumes of `plan`; one that exists is kept."""
        # Not `size=`: Podman takes that for a quota of its own, and refuses.
        blocks = max(1, self.size_bytes // os.sysconf("SC_PAGE_SIZE"))
        for name, _ in plan.volumes:
            options = {"type": "tmpfs", "device": "tmpfs", "o": f"nr_blocks={blocks}"}
            await call(
                self.client.volumes.create,
                name=volume_name(workflow_id, name),
                driver="local",
                driver_opts=options,
                labels=labels,
            )

    async def remove_all(self, workflow_id: str) -> int:
        """Remove the workflow's volumes; how many there were."""
        removed = 0
        for volume in await call(
            self.client.volumes.list, filters=self.labels.filters(workflow_id)
        ):
            try:
                await call(volume.remove, force=True)
                removed += 1
            except PlatformError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
        return removed
