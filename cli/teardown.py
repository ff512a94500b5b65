"""Removes what an interrupted pipeline left on this host."""

import asyncio
from collections.abc import Callable

from clients.artifacts import FileArtifactStore
from contract.errors import PlatformError
from contract.ids import pipeline_workflow_id
from settings import Settings


async def leave_nothing(settings: Settings, pipeline_id: str, say: Callable[[str], None]) -> None:
    """Remove what still belongs to the pipeline's apps; say what could not be removed."""
    # Commands that wait for a pipeline may end here, and nearly never do.
    from clients.runtime import host_runtime

    try:
        artifacts = FileArtifactStore(settings.data_dir / "artifacts")
        runtime = await asyncio.to_thread(
            host_runtime, settings, artifacts, docker_host=settings.docker_host
        )
        mine = f"{pipeline_workflow_id(pipeline_id)}/"
        for workflow_id in await runtime.owned_workflows():
            if workflow_id.startswith(mine):
                await runtime.teardown(workflow_id)
    except PlatformError as error:
        say(f"could not look for leftovers: {error.message}")
