"""A Docker engine for this suite alone, in its own network namespace, so that it can be killed.

Loopback ports, bridges and firewall rules of the machine's engine stay untouched. The calling
thread enters the namespace; processes and threads that it starts afterwards are in it, too.
"""

import ctypes
import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CLONE_NEWNET = 0x40000000
_START_LIMIT_S = 60.0
BASE_IMAGE = "assay/python:3.11"


def possible() -> bool:
    """Whether this machine allows an engine of our own."""
    tools = all(shutil.which(name) for name in ("dockerd", "containerd", "ip", "docker"))
    return tools and os.geteuid() == 0


@contextmanager
def own_network() -> Generator[None]:
    """Enter a network namespace with nothing but loopback; leave it afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace of our own")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            if libc.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot return to the machine's network")


@dataclass(slots=True)
class Engine:
    """`dockerd` with its data below `folder`."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For `DOCKER_HOST`."""
        return f"unix://{self.folder / 'docker.sock'}"

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start; `wait` waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # A killed containerd may linger as a zombie, which dockerd takes for a living one.
        (self.folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)
        (self.folder / "docker.pid").unlink(missing_ok=True)
        command = ["dockerd", "--host", self.address, "--data-root", str(self.folder / "data")]
        command += ["--exec-root", str(self.folder / "exec"), "--log-level", "warn"]
        command += ["--pidfile", str(self.folder / "docker.pid")]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_LIMIT_S
        while self.docker("info", check=False).returncode != 0:
            assert self.is_running, "dockerd ended"
            assert time.monotonic() < deadline, "dockerd does not answer"
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9; its containerd goes with it, the containers' shims stay."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def load_base(self) -> None:
        """Copy the base image over from the machine's engine."""
        load = ["docker", "--host", self.address, "load"]
        with subprocess.Popen(["docker", "save", BASE_IMAGE], stdout=subprocess.PIPE) as save:
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)
        assert save.returncode == 0, f"no image {BASE_IMAGE}: make base-images"

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `docker` command against this engine."""
        command = ["docker", "--host", self.address, *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=60)

    def stop(self) -> None:
        """Remove what still runs, stop, and remove every trace."""
        if self.is_running:
            left = self.docker("ps", "-aq", check=False).stdout.split()
            if left:
                self.docker("rm", "-f", *left, check=False)
            self._process.terminate()
            self._process.wait(30)
        for mount in reversed(_mounts_below(self.folder)):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class MachineEngine:
    """The machine's own engine: every fault but its death can be tried."""

    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `docker` command."""
        command = ["docker", *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=60)


def containers(engine: Engine | MachineEngine, scope_label: str) -> list[dict[str, Any]]:
    """Name, state and labels of the scope's containers, sorted by name."""
    listed = engine.docker(
        "ps", "-a", "--filter", f"label={scope_label}", "--format", "{{json .}}", check=False
    )
    rows = [json.loads(line) for line in listed.stdout.splitlines() if line.startswith("{")]
    for row in rows:
        pairs = (pair.partition("=") for pair in row["Labels"].split(","))
        row["Labels"] = {key: value for key, _, value in pairs}
    return sorted(rows, key=lambda row: row["Names"])


def _mounts_below(folder: Path) -> list[str]:
    points = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return sorted(point for point in points if Path(point).is_relative_to(folder))
