"""What a running app uses, whichever engine runs it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AppUsage:
    """All services of one app at one moment.

    Attributes:
        uptime_s: since the youngest of its services was started.
        memory_bytes: in use, without cache that the kernel can take back.
        cpu_s: processor time used since its services were started.
        health_check_s: how long its last check took; None: it was not checked by this process.
    """

    workflow_id: str
    uptime_s: float
    memory_bytes: int
    cpu_s: float
    health_check_s: float | None = None


def joined(parts: list[AppUsage]) -> list[AppUsage]:
    """One value per app, from one per service."""
    apps: dict[str, AppUsage] = {}
    for part in parts:
        known = apps.get(part.workflow_id)
        apps[part.workflow_id] = part if known is None else _sum(known, part)
    return list(apps.values())


def _sum(one: AppUsage, other: AppUsage) -> AppUsage:
    return AppUsage(
        workflow_id=one.workflow_id,
        uptime_s=min(one.uptime_s, other.uptime_s),
        memory_bytes=one.memory_bytes + other.memory_bytes,
        cpu_s=one.cpu_s + other.cpu_s,
    )
