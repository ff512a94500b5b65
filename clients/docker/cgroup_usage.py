"""What a container uses, by its cgroup: two or three reads, where the engine is this host's."""

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Used:
    """Of one container.

    Attributes:
        memory_bytes: in use, without the inactive part of the file cache.
        cpu_s: processor time since it was started.
    """

    memory_bytes: int
    cpu_s: float


def read_cgroup(container_id: str, pid: int, root: Path = _ROOT, proc: Path = _PROC) -> Used | None:
    """Of the container whose first process is `pid`; None where its files cannot be read here.

    A process of that number that is not in the container (we are in another namespace) is none.
    """
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        paths = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
        return _version_2(container_id, paths, root) or _version_1(container_id, paths, root)
    except (OSError, ValueError, KeyError):
        return None


def _version_2(container_id: str, paths: dict[str, str], root: Path) -> Used | None:
    path = paths.get("", "")
    folder = root / path.lstrip("/")
    if container_id not in path or not (folder / "memory.current").exists():
        return None
    cache = _table(folder / "memory.stat")["inactive_file"]
    used = int((folder / "memory.current").read_text())
    return Used(max(0, used - cache), _table(folder / "cpu.stat")["usage_usec"] / 1e6)


def _version_1(container_id: str, paths: dict[str, str], root: Path) -> Used | None:
    memory = _folder(container_id, "memory", paths, root)
    cpu = _folder(container_id, "cpuacct", paths, root)
    if memory is None or cpu is None:
        return None
    cache = _table(memory / "memory.stat")["total_inactive_file"]
    used = int((memory / "memory.usage_in_bytes").read_text())
    return Used(max(0, used - cache), int((cpu / "cpuacct.usage").read_text()) / 1e9)


def _folder(container_id: str, name: str, paths: dict[str, str], root: Path) -> Path | None:
    for names, path in paths.items():
        if name in names.split(",") and container_id in path:
            return root / name / path.lstrip("/")
    return None


def _table(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}
