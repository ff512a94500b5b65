"""Limits and a firewall for the steps of BuildKit, whose build call has neither.

The steps are found by a mark in their environment: a proxy variable, which BuildKit hands to each
step and leaves out of its cache keys and images. Each step's own cgroup then gets the limits of a
build, and its own network namespace rules that close the way to this host: without the capability
to change them, what runs in there cannot, and they end with it. A step runs unlimited for the
hundredth of a second that it takes to be seen.
"""

import os
import resource
import secrets
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from clients.limits import AppLimits

_POLL_S = 0.02
_LOOKS = 200
_ENVIRONMENT_BYTES = 131_072
_CGROUPS = Path("/sys/fs/cgroup")
_KERNEL_LOG = "/dev/kmsg"
_TIMEOUT_S = 10


class StepGuard:
    """Watches the steps of all builds of this process, as long as one is being built."""

    def __init__(self, docker_host: str, limits: AppLimits) -> None:
        self._docker_host = docker_host
        self._limits = limits
        self._mark = f"assay-{secrets.token_hex(8)}.invalid"
        self._lock = threading.Lock()
        self._builds = 0
        self._end = threading.Event()
        self._looks: dict[int, int] = {}
        self._guarded: dict[str, str] = {}

    @property
    def build_args(self) -> dict[str, str]:
        """What marks the steps of a build: names that no proxy is asked for."""
        return {"NO_PROXY": f"localhost,127.0.0.1,{self._mark}"}

    def obstacle(self) -> str:
        """Why steps cannot be guarded here; empty when they can. Blocking, some milliseconds."""
        if not self._docker_host.startswith("unix://") or os.geteuid() != 0:
            return "needs root on the engine's host"
        tools = [tool for tool in ("nsenter", "iptables-restore") if shutil.which(tool) is None]
        if tools:
            return f"needs {' and '.join(tools)}"
        if not os.access(_CGROUPS, os.W_OK):
            return f"needs to write {_CGROUPS}"
        return "" if self._sees_engine() else "needs the process namespace of the engine's host"

    def _sees_engine(self) -> bool:
        """Whether the process behind the engine's socket is one of ours: its number is told."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_TIMEOUT_S)
            probe.connect(self._docker_host.removeprefix("unix://"))
            told = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid = struct.unpack("3i", told)[0]
            return pid > 0 and Path(f"/proc/{pid}").exists()
        return False

    @contextmanager
    def watching(self) -> Generator[None]:
        """Guard all steps that begin meanwhile."""
        with self._lock:
            self._builds += 1
            if self._builds == 1:
                self._guarded.clear()
                self._end = threading.Event()
                thread = threading.Thread(target=self._watch, args=(self._end,), daemon=True)
                thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._builds -= 1
                if self._builds == 0:
                    self._end.set()
                    self._looks.clear()

    def guarded(self) -> frozenset[str]:
        """Cgroups of the steps that were seen so far."""
        return frozenset(self._guarded)

    def unlimited(self, since: frozenset[str]) -> str:
        """Why steps that began after `since` have not all limits; empty when they have."""
        return next(
            (why for step, why in dict(self._guarded).items() if why and step not in since), ""
        )

    def ran_out_of_memory(self, since: frozenset[str]) -> bool:
        """Whether the kernel killed for its memory limit in a step that began after `since`."""
        steps = self.guarded() - since
        with suppress(OSError):
            return any(
                "oom-kill:" in line and any(f"task_memcg={step}" in line for step in steps)
                for line in _kernel_log()
            )
        return False

    def _watch(self, end: threading.Event) -> None:
        while not end.wait(_POLL_S):
            with suppress(OSError):
                self._scan()

    def _scan(self) -> None:
        """Look at each new process some times: the runtime becomes the step's command by exec."""
        pids = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        looks = {pid: count for pid, count in self._looks.items() if pid in pids}
        for pid in pids:
            count = looks.get(pid, 0)
            if count < _LOOKS:
                looks[pid] = _LOOKS if self._look(pid) else count + 1
        self._looks = looks

    def _look(self, pid: int) -> bool:
        """Guard the process's step if it is one of ours; whether it is."""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if self._mark.encode() not in file.read(_ENVIRONMENT_BYTES):
                    return False
            places = _cgroups(pid)
        except OSError:
            return False
        step = places.get("memory") or places.get("", "")
        if step in ("", "/") or step in self._guarded or places == _cgroups(os.getpid()):
            return True
        self._guarded[step] = ""
        self._guarded[step] = self._limit(pid, places) or self._confine(pid)
        return True

    def _limit(self, pid: int, places: dict[str, str]) -> str:
        limits = self._limits
        memory, quota = limits.build_memory_bytes, int(limits.build_cpus * 100_000)
        with suppress(OSError):
            size = (limits.disk_bytes, limits.disk_bytes)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, size)
        if "memory" in places:
            wanted = [
                ("memory", "memory.limit_in_bytes", memory),
                ("memory", "memory.memsw.limit_in_bytes", memory),
                ("cpu", "cpu.cfs_quota_us", quota),
                ("pids", "pids.max", limits.build_pids),
            ]
        else:
            wanted = [
                ("", "memory.max", memory),
                ("", "memory.swap.max", 0),
                ("", "cpu.max", f"{quota} 100000"),
                ("", "pids.max", limits.build_pids),
            ]
        missing: list[str] = []
        for controller, name, value in wanted:
            try:
                place = _CGROUPS / controller / places.get(controller, "/nowhere").lstrip("/")
                (place / name).write_text(str(value))
            except FileNotFoundError:
                if "sw" not in name and Path(f"/proc/{pid}").exists():
                    missing.append(name)
            except OSError:
                missing.append(name)
        return f"not set: {', '.join(missing)}" if missing else ""

    def _confine(self, pid: int) -> str:
        """Close the way from a step to this host; names are resolved all the same."""
        try:
            own = [os.readlink(f"/proc/{one}/ns/net") for one in ("self", str(pid))]
        except OSError:
            return ""
        if own[0] == own[1]:
            return "it uses the host's network"
        argv = ["nsenter", f"--net=/proc/{pid}/ns/net", "iptables-restore", "--noflush", "-w", "5"]
        try:
            done = subprocess.run(
                argv,
                input=firewall_rules().encode(),
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no firewall: {type(error).__name__}"
        if done.returncode == 0 or not Path(f"/proc/{pid}").exists():
            return ""
        return f"no firewall: {done.stderr.decode(errors='replace').strip()[:100]}"


def firewall_rules() -> str:
    """Nothing to any address of this host but questions for names, nothing to its neighbours."""
    lines = ["*filter", "-A OUTPUT -o lo -j ACCEPT"]
    lines += [f"-A OUTPUT -p {protocol} --dport 53 -j ACCEPT" for protocol in ("udp", "tcp")]
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family is socket.AF_INET and not one.address.startswith("127."):
                whole = f"/{one.netmask}" if name == "docker0" and one.netmask else ""
                lines.append(f"-A OUTPUT -d {one.address}{whole} -j DROP")
    return "\n".join([*lines, "COMMIT", ""])


def _cgroups(pid: int) -> dict[str, str]:
    """Path by controller; of cgroup v2 under the empty name."""
    found: dict[str, str] = {}
    for line in (
        Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii", errors="replace").split("\n")
    ):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _kernel_log() -> Generator[str]:
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
