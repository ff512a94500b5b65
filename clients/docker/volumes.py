"""Volumes that services share: kept in memory, so that their size is bounded on every engine.

The engine unmounts a volume when no running container uses it, and content in memory is lost: the
image's files, or the files of a service that ended. So a container of ours uses the volumes from
before the first service until teardown.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import docker

from clients.appfolder import ServicePlan
from clients.docker.composer import program_image
from clients.docker.errors import call
from clients.docker.labels import Labels
from contract.errors import ErrorCode, PlatformError

# Its own 20 MB and the volumes that it shares with no one; files of services count for them.
_HOLDER_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Volumes:
    """The engine's volumes that carry our labels."""

    client: docker.DockerClient
    labels: Labels
    size_bytes: int

    async def create(self, workflow_id: str, plan: ServicePlan, labels: dict[str, str]) -> None:
        """Make the volumes of `plan`; one that exists is kept."""
        # Not `size=`: Podman reads that as a quota of its own and refuses it.
        blocks = max(1, self.size_bytes // os.sysconf("SC_PAGE_SIZE"))
        for name, _ in plan.volumes:
            options = {"type": "tmpfs", "device": "tmpfs", "o": f"nr_blocks={blocks}"}
            await call(
                self.client.volumes.create,
                name=self.labels.volume_name(workflow_id, name),
                driver="local",
                driver_opts=options,
                labels=labels,
            )

    async def hold(
        self, workflow_id: str, plans: Sequence[ServicePlan], labels: dict[str, str]
    ) -> None:
        """Keep the content of `plans`' volumes until the workflow's containers are removed.

        Raises:
            PlatformError: the engine cannot run the program that holds them.
        """
        names = sorted({name for plan in plans for name, _ in plan.volumes})
        if not names:
            return
        holder = await call(
            self.client.containers.create,
            await call(program_image, self.client),
            ["/compose", "--file", "-", "config"],  # reads its input, which never ends
            name=self.labels.name(workflow_id, "volume holder"),
            labels=labels,
            volumes=[
                f"{self.labels.volume_name(workflow_id, name)}:/volumes/{number}"
                for number, name in enumerate(names)
            ],
            stdin_open=True,
            network_mode="none",
            read_only=True,
            user="65534:65534",
            mem_limit=_HOLDER_BYTES,
            pids_limit=64,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
        )
        await call(holder.start)

    async def remove_all(self, workflow_id: str) -> int:
        """Remove the workflow's volumes; returns how many there were."""
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
