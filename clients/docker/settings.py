"""A plan's settings of one container as the engine's options, within our limits."""

from typing import Any

import docker.types

from clients.appfolder import ServicePlan
from clients.appfolder.model import Tmpfs
from clients.limits import AppLimits

_MAX_FILES = 1_048_576
_UNLIMITED = -1


def settings_of(plan: ServicePlan, limits: AppLimits) -> dict[str, Any]:
    """Options of `plan` beyond its image, ports, volumes and network."""
    options: dict[str, Any] = {"ulimits": _ulimits(plan, limits)}
    chosen = {
        "working_dir": plan.working_dir,
        "user": plan.user,
        "hostname": plan.hostname,
        "tmpfs": {mount.target: _tmpfs(mount, limits) for mount in plan.tmpfs},
        "sysctls": plan.sysctls,
        "extra_hosts": plan.extra_hosts,
        "group_add": list(plan.group_add),
        "read_only": plan.read_only,
        "stdin_open": plan.stdin_open,
        "tty": plan.tty,
        "shm_size": min(plan.shm_bytes, limits.memory_bytes),
    }
    return options | {key: value for key, value in chosen.items() if value}


def _tmpfs(mount: Tmpfs, limits: AppLimits) -> str:
    size = min(mount.size_bytes or limits.volume_bytes, limits.volume_bytes)
    return ",".join([*mount.options, f"size={size}"])


def _ulimits(plan: ServicePlan, limits: AppLimits) -> list[docker.types.Ulimit]:
    """The plan's own limits, none above ours; no file is larger than a container may write."""
    most = {
        "fsize": limits.disk_bytes,
        "nofile": _MAX_FILES,
        "memlock": limits.memory_bytes,
        "core": 0,
    }
    found = {"fsize": (limits.disk_bytes, limits.disk_bytes)}
    for name, soft, hard in plan.ulimits:
        top = most.get(name, _UNLIMITED)
        found[name] = (_within(soft, top), _within(hard, top))
    return [
        docker.types.Ulimit(name=name, soft=soft, hard=hard) for name, (soft, hard) in found.items()
    ]


def _within(value: int, top: int) -> int:
    if top == _UNLIMITED:
        return value
    return top if value == _UNLIMITED else min(value, top)
