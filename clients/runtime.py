"""Which runtime a host has: Docker when the daemon answers, else confined processes."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from clients.docker.address import usable
from clients.docker.base_images import BaseImageMap
from clients.docker.errors import connect
from clients.docker.runtime import DEFAULT_DOCKER_HOST, DockerRuntime
from clients.files import disk_faults
from clients.host import EngineRuntime, HostRuntime
from clients.limits import AppLimits
from clients.logs import Artifacts
from clients.process.runtime import ProcessRuntime
from clients.targets import Location
from contract.errors import ErrorCode, PlatformError

_PATIENCE_S = 3.0
# A wrong address, an unusable engine: falling back to processes would hide the mistake.
_NEVER_MEANT = (ErrorCode.INVALID_ARGUMENT, ErrorCode.FAILED_PRECONDITION)
_MIB = 1024**2
_GIB = 1024**3


class RuntimeSettings(Protocol):
    """The settings that a runtime needs; `settings.Settings` has this shape."""

    @property
    def host_name(self) -> str:
        """Name of this machine in labels."""
        ...

    @property
    def scope_name(self) -> str:
        """Name of this installation in labels."""
        ...

    @property
    def data_dir(self) -> Path:
        """Folder of everything Assay writes."""
        ...

    engine: Literal["auto", "docker", "process"]
    analyzer_location: Location
    base_images: BaseImageMap
    app_memory_mb: int
    app_cpus: float
    app_pids: int
    start_deadline_s: float
    build_deadline_s: float
    image_limit_gb: float


def host_runtime(
    settings: RuntimeSettings, artifacts: Artifacts, *, docker_host: str = DEFAULT_DOCKER_HOST
) -> HostRuntime:
    """The runtime of this host and the one that may have left something here. Blocking.

    Raises:
        PlatformError: as `choose_runtime`.
    """
    chosen = choose_runtime(settings, artifacts, docker_host=docker_host)
    if isinstance(chosen, DockerRuntime):
        return HostRuntime(chosen, _processes(settings, artifacts, ""))
    if settings.engine == "auto":
        later = partial(_docker_in_use, settings, artifacts, docker_host)
        return HostRuntime(chosen, None, later)
    former: EngineRuntime | None = None
    if _marker(settings).exists():
        with suppress(PlatformError):  # an engine that is down runs nothing
            _ask(docker_host)
            former = _containers(settings, artifacts, docker_host)
    return HostRuntime(chosen, former)


def choose_runtime(
    settings: RuntimeSettings, artifacts: Artifacts, *, docker_host: str = DEFAULT_DOCKER_HOST
) -> EngineRuntime:
    """The runtime of this host; its `description` says why. Blocking, about 3 s at most.

    If Docker was used before and its socket is still there, its daemon has died or is being
    restarted; `auto` then does not fall back to processes. A daemon that was stopped removes its
    socket.

    Raises:
        PlatformError: the daemon does not answer, and `engine` is `docker` or it should come back;
            or the engine that `docker_host` names cannot be used.
    """
    if settings.engine == "process":
        return _processes(settings, artifacts, "processes were asked for")
    try:
        return _docker_in_use(settings, artifacts, docker_host)
    except PlatformError as error:
        if settings.engine == "docker" or error.code in _NEVER_MEANT:
            raise
        if _marker(settings).exists() and _socket_is_there(docker_host):
            message = f"{error.message}; or set ASSAY_ENGINE=process to do without containers"
            raise PlatformError(error.code, message) from error
        denied = error.code is ErrorCode.PERMISSION_DENIED
        reason = error.message if denied else f"no Docker daemon at {docker_host}"
        return _processes(settings, artifacts, reason)


def _docker_in_use(
    settings: RuntimeSettings, artifacts: Artifacts, docker_host: str
) -> DockerRuntime:
    """Docker, and a note in the data folder that it was used.

    Raises:
        PlatformError: the daemon does not answer.
    """
    docker_host = usable(docker_host, settings.analyzer_location)
    _ask(docker_host)
    runtime = _containers(settings, artifacts, docker_host)
    with disk_faults(settings.data_dir):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _marker(settings).touch()
    return runtime


def _socket_is_there(docker_host: str) -> bool:
    return not docker_host.startswith("unix://") or Path(docker_host[len("unix://") :]).exists()


def _marker(settings: RuntimeSettings) -> Path:
    """The file that says that apps of this data folder have run in containers."""
    return settings.data_dir / "docker-used"


def _ask(docker_host: str) -> None:
    """Ask the daemon for its version; a hung daemon does not answer."""
    connect(docker_host, _PATIENCE_S).close()


def _containers(settings: RuntimeSettings, artifacts: Artifacts, docker_host: str) -> DockerRuntime:
    return DockerRuntime(
        host=settings.host_name,
        scope=settings.scope_name,
        artifacts=artifacts,
        base_images=settings.base_images,
        limits=_limits(settings),
        analyzer_location=settings.analyzer_location,
        docker_host=docker_host,
    )


def _processes(settings: RuntimeSettings, artifacts: Artifacts, reason: str) -> ProcessRuntime:
    return ProcessRuntime(
        host=settings.host_name,
        artifacts=artifacts,
        data_dir=settings.data_dir,
        limits=_limits(settings),
        no_engine=reason,
    )


def _limits(settings: RuntimeSettings) -> AppLimits:
    return AppLimits(
        memory_bytes=settings.app_memory_mb * _MIB,
        cpus=settings.app_cpus,
        pids=settings.app_pids,
        start_deadline_s=settings.start_deadline_s,
        build_deadline_s=settings.build_deadline_s,
        images_bytes=int(settings.image_limit_gb * _GIB),
    )
