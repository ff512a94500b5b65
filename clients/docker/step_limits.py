"""Limits and a firewall for the steps of BuildKit, whose build call supports neither.

It finds steps by a mark in their environment: a proxy variable, which BuildKit gives to each
step and leaves out of its cache keys and images. The mark is in the file that BuildKit writes for
the container runtime before a step begins; where that file cannot be read, it is in the environment
of processes. The cgroup of each step gets the limits of a build. Its network namespace gets rules
that close the way to this host; the step lacks the capability to change them, and they end with it.
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

from clients.docker.steps import (
    CGROUPS,
    bundle_of,
    cgroups_of,
    firewall_rules,
    first_process,
    is_runtime,
    kernel_log,
    network_of,
)
from clients.limits import AppLimits

_POLL_S = 0.02
_LOOKS = 200
_ENVIRONMENT_BYTES = 262_144
_TIMEOUT_S = 10


class StepLimits:
    """Watches the steps of all builds of this process while one is running."""

    def __init__(self, docker_host: str, limits: AppLimits) -> None:
        self._docker_host = docker_host
        self._limits = limits
        self._mark = f"assay-{secrets.token_hex(8)}.invalid"
        self._lock = threading.Lock()
        self._builds = 0
        self._end = threading.Event()
        self._looks: dict[int, int] = {}
        self._bundles: Path | None = None
        self._read: set[str] = set()
        self._coming: dict[str, Path] = {}
        self._scanning = False
        self._trouble = ""
        self._limited: dict[str, str] = {}

    def learn(self, engine_root: str) -> None:
        """Learn where the engine keeps its data: BuildKit's bundles, one per step, are there."""
        bundles = Path(engine_root) / "buildkit" / "executor"
        self._bundles = bundles if engine_root and bundles.parent.is_dir() else None

    @property
    def build_args(self) -> dict[str, str]:
        """The build arguments that mark the steps of a build: names that no proxy is asked for."""
        return {"NO_PROXY": f"localhost,127.0.0.1,{self._mark}"}

    def obstacle(self) -> str:
        """Why steps cannot be limited here; empty when they can. Blocking, some milliseconds."""
        if not self._docker_host.startswith("unix://") or os.geteuid() != 0:
            return "needs root on the engine's host"
        tools = [tool for tool in ("nsenter", "iptables-restore") if shutil.which(tool) is None]
        if tools:
            return f"needs {' and '.join(tools)}"
        if not os.access(CGROUPS, os.W_OK):
            return f"needs to write {CGROUPS}"
        return "" if self._sees_engine() else "needs the process namespace of the engine's host"

    def _sees_engine(self) -> bool:
        """Whether we see the process behind the engine's socket: the kernel tells its number."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_TIMEOUT_S)
            probe.connect(self._docker_host.removeprefix("unix://"))
            credentials = probe.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
            )
            pid = struct.unpack("3i", credentials)[0]
            return pid > 0 and Path(f"/proc/{pid}").exists()
        return False

    @contextmanager
    def watching(self) -> Generator[None]:
        """Limit all steps that begin in this context."""
        with self._lock:
            self._builds += 1
            if self._builds == 1:
                self._limited.clear()
                self._trouble = ""
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

    def limited(self) -> frozenset[str]:
        """Cgroups of the steps that were seen so far."""
        return frozenset(self._limited)

    def unlimited(self, since: frozenset[str]) -> str:
        """Why steps that began after `since` lack a limit; empty when they have all."""
        found = (why for step, why in dict(self._limited).items() if why and step not in since)
        return next(found, self._trouble)

    def ran_out_of_memory(self, since: frozenset[str]) -> bool:
        """Whether the kernel killed for its memory limit in a step that began after `since`."""
        steps = self.limited() - since
        with suppress(OSError):
            return any(
                "oom-kill:" in line and any(f"task_memcg={step}" in line for step in steps)
                for line in kernel_log()
            )
        return False

    def _watch(self, end: threading.Event) -> None:
        while not end.wait(_POLL_S):
            for look in (self._expect, self._scan):
                try:
                    look()
                except OSError:  # the process we looked at is gone
                    continue
                except Exception as error:  # goes on: the next step may work
                    self._trouble = f"{type(error).__name__} while looking for steps"

    def _expect(self) -> None:
        """Limit our steps as soon as the runtime has put their process into a cgroup."""
        if self._bundles is None:
            return
        there = {bundle.name for bundle in self._bundles.iterdir()}
        self._read &= there
        for name in there - self._read:
            config = bundle_of(self._bundles / name / "config.json")
            if config is None:  # not completely written yet
                continue
            self._read.add(name)
            place = str(config["linux"].get("cgroupsPath") or "")
            if self._mark in str(config["process"].get("env")):
                self._coming[place] = self._bundles / name
                self._scanning = self._scanning or not place.startswith("/")
        for place, bundle in list(self._coming.items()):
            pid = first_process(place) if place.startswith("/") else 0
            if not bundle.exists() or (pid and self._limit_step(pid)):
                del self._coming[place]

    def _scan(self) -> None:
        """Look at each new process several times: the runtime becomes the step's command by exec.

        Only where bundles do not lead to cgroups: any process may have a huge environment.
        """
        if self._bundles is not None and not self._scanning:
            return
        pids = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        looks = {pid: count for pid, count in self._looks.items() if pid in pids}
        for pid in pids:
            count = looks.get(pid, 0)
            if count < _LOOKS:
                looks[pid] = _LOOKS if self._look(pid) else count + 1
                if looks[pid] == _LOOKS - 1 and is_runtime(pid):
                    looks[pid] = 0
        self._looks = looks

    def _look(self, pid: int) -> bool:
        """Limit the process's step if it is one of ours. Returns whether it is."""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                is_ours = self._mark.encode() in file.read(_ENVIRONMENT_BYTES)
            return is_ours and self._limit_step(pid)
        except OSError:
            return False

    def _limit_step(self, pid: int) -> bool:
        """Limit the step of a process; False while its namespaces are being made."""
        try:
            places = cgroups_of(pid)
            if is_runtime(pid) and network_of(pid) == network_of("self"):
                return False
        except OSError:
            return False
        step = places.get("memory") or places.get("", "")
        if step in ("", "/") or step in self._limited or places == cgroups_of(os.getpid()):
            return True
        self._limited[step] = ""
        self._limited[step] = self._limit(pid, places) or self._confine(pid)
        return True

    def _limit(self, pid: int, places: dict[str, str]) -> str:
        limits = self._limits
        memory, quota = limits.build_memory_bytes, int(limits.build_cpus * 100_000)
        with suppress(OSError, ValueError):
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
                place = CGROUPS / controller / places.get(controller, "/nowhere").lstrip("/")
                (place / name).write_text(str(value))
            except FileNotFoundError:
                if "sw" not in name and Path(f"/proc/{pid}").exists():
                    missing.append(name)
            except OSError:
                missing.append(name)
        return f"not set: {', '.join(missing)}" if missing else ""

    def _confine(self, pid: int) -> str:
        """Close the way from a step to this host; name queries still work."""
        try:
            if network_of(pid) == network_of("self"):
                return "it uses the host's network"
        except OSError:
            return ""
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
