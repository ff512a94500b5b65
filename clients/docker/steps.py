"""Facts from the kernel and BuildKit about the processes of a build step on this host."""

import json
import os
import socket
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psutil

CGROUPS = Path("/sys/fs/cgroup")
_KERNEL_LOG = "/dev/kmsg"


def network_of(pid: int | str) -> str:
    """The network namespace of a process, as the kernel names it."""
    return os.readlink(f"/proc/{pid}/ns/net")


def bundle_of(file: Path) -> dict[str, Any] | None:
    """The container runtime's configuration of a step; None while it is being written."""
    try:
        state = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        whole = isinstance(state["linux"], dict) and isinstance(state["process"], dict)
        return state if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def first_process(place: str) -> int:
    """A process of a cgroup; 0 while it has none."""
    for controller in ("memory", ""):
        with suppress(OSError, ValueError, IndexError):
            procs = CGROUPS / controller / place.lstrip("/") / "cgroup.procs"
            return int(procs.read_text(encoding="ascii").split()[0])
    return 0


def is_runtime(pid: int) -> bool:
    """Whether a process is still the container runtime, on a host that is slow to start it."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").startswith(("runc", "crun"))
    return False


def firewall_rules() -> str:
    """Rules: only name queries go to this host's addresses, and nothing to its neighbours."""
    lines = ["*filter", "-A OUTPUT -o lo -j ACCEPT"]
    lines += [f"-A OUTPUT -p {protocol} --dport 53 -j ACCEPT" for protocol in ("udp", "tcp")]
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family is socket.AF_INET and not address.address.startswith("127."):
                whole = f"/{address.netmask}" if name == "docker0" and address.netmask else ""
                lines.append(f"-A OUTPUT -d {address.address}{whole} -j DROP")
    return "\n".join([*lines, "COMMIT", ""])


def cgroups_of(pid: int) -> dict[str, str]:
    """Path by controller; cgroup v2 has the empty name."""
    found: dict[str, str] = {}
    for line in (
        Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii", errors="replace").split("\n")
    ):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def kernel_log() -> Generator[str]:
    """Lines of the kernel's log, as far back as it goes."""
    descriptor = os.open(_KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                yield os.read(descriptor, 8_192).decode(errors="replace")
            except BrokenPipeError:  # overwritten while we read
                continue
            except BlockingIOError:
                return
    finally:
        os.close(descriptor)
