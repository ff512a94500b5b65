"""The limits of one app on its host."""

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class AppLimits:
    """Limits of each container and of each build.

    Attributes:
        memory_bytes, cpus, pids: of one running container; swap is off.
        build_memory_bytes, build_cpus, build_pids: of each step of an image build.
        build_deadline_s: of all builds of one service.
        start_deadline_s: from the first container's start until every service answers.
        disk_bytes: what a container may write; one that wrote more counts as dead in `check`.
        volume_bytes: of each named volume; volumes are kept in memory.
        context_bytes: of a build context.
        log_bytes: how much of the end of each log is kept.
        images_bytes: disk for built images; above it `prune` removes those unused for longest.
        build_cache_bytes: disk for build layers that no image has; `prune` removes them likewise.
        image_idle_s: how long an image must be unused before `prune` may remove it.
    """

    memory_bytes: int = 512 * _MIB
    cpus: float = 1.0
    pids: int = 256
    build_memory_bytes: int = 2_048 * _MIB
    build_cpus: float = 2.0
    build_pids: int = 2_048
    build_deadline_s: float = 600.0
    start_deadline_s: float = 90.0
    disk_bytes: int = 1_024 * _MIB
    volume_bytes: int = 256 * _MIB
    context_bytes: int = 200 * _MIB
    log_bytes: int = 2 * _MIB
    images_bytes: int = 20 * 1_024 * _MIB
    build_cache_bytes: int = 10 * 1_024 * _MIB
    image_idle_s: float = 3_600.0
