"""Which runtime a host has: Docker when the daemon answers, confined processes when not."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from clients.docker.base_images import BaseImageMap
from clients.docker.runtime import DEFAULT_DOCKER_HOST, DEFAULT_POOL, Artifacts, DockerRuntime
from clients.limits import AppLimits
from clients.process.runtime import ProcessRuntime
from clients.targets import Location
from contract.errors import ErrorCode, PlatformError

_PATIENCE_S = 3.0


async def choose_runtime(
    *,
    host: str,
    scope: str,
    artifacts: Artifacts,
    data_dir: Path,
    path: Mapping[str, str],
    base_images: BaseImageMap = "auto",
    limits: AppLimits | None = None,
    analyzer_location: Location = "host",
    docker_host: str = DEFAULT_DOCKER_HOST,
    network_pool: str = DEFAULT_POOL,
) -> tuple[DockerRuntime | ProcessRuntime, str]:
    """The runtime and one line on why; the daemon has 3 seconds to answer.

    Args are those of `DockerRuntime` and `ProcessRuntime`.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            docker_runtime = await asyncio.to_thread(
                DockerRuntime,
                host=host,
                scope=scope,
                artifacts=artifacts,
                base_images=base_images,
                limits=limits,
                analyzer_location=analyzer_location,
                docker_host=docker_host,
                network_pool=network_pool,
            )
            version = await docker_runtime.ping()
        return docker_runtime, f"apps run as containers (Docker {version})"
    except TimeoutError:
        reason = f"the Docker daemon at {docker_host} did not answer within {_PATIENCE_S:.0f} s"
    except PlatformError as error:
        reason = f"no Docker daemon at {docker_host}"
        if error.code is ErrorCode.PERMISSION_DENIED:
            reason = error.message
    processes = ProcessRuntime(
        host=host,
        artifacts=artifacts,
        data_dir=data_dir,
        path=path,
        limits=limits,
        no_engine=reason,
    )
    return processes, f"{reason}: trusted apps run as processes confined by bubblewrap"
