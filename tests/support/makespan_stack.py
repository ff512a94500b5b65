"""The local stack of `bench_makespan.py`, and a monitor of its load tests."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import psutil

from analyzers.runtime.wire.healthcheck import is_healthy
from contract.ids import LABEL_SCOPE

ROOT = Path(__file__).resolve().parents[2]
_LOOK_S = 0.2
_READY_S = 300.0


@dataclass
class Shell:
    """A user's shell on one checkout, with a data folder of its own."""

    project: Path
    data: Path

    @property
    def lock(self) -> Path:
        """The lock of its load tests, which is not the lock of others on this machine."""
        return self.data.parent / "load.lock"

    def run(self, *arguments: str) -> str:
        """Run one command of the command line; its output.

        Raises:
            SystemExit: it failed.
        """
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "ASSAY_"))}
        env |= {
            "ASSAY_DATA": str(self.data),
            "ASSAY_TOOLS": str(ROOT / ".tools"),
            "ASSAY_LOAD_LOCK": str(self.lock),
            "NO_COLOR": "1",
        }
        command = [sys.executable, str(self.project / "starter.py"), *arguments]
        done = subprocess.run(command, cwd=self.project, env=env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def up(self) -> None:
        """Start the stack, and wait until every tool has looked at its canary.

        Raises:
            SystemExit: an analyzer of which tools run is not healthy after five minutes.
        """
        self.run("up")
        stack = json.loads((self.data / "run/stack.json").read_text())
        end_s = time.monotonic() + _READY_S
        for kind in ("static", "dynamic", "performance"):
            while not is_healthy(stack["analyzers"][kind]):
                if time.monotonic() > end_s:
                    raise SystemExit(f"{kind} is not healthy after {_READY_S:.0f} s")
                time.sleep(_LOOK_S)


@dataclass
class LoadMonitor(threading.Thread):
    """Checks a few times per second whether a load test runs and what of ours runs beside it."""

    shell: Shell
    loaded: int = 0
    beside: int = 0
    seen: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._stop_asked = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Check until `end`."""
        services = [one for one in psutil.process_iter() if self._is_service(one)]
        self.shell.lock.touch()
        with self.shell.lock.open("rb") as handle:
            while not self._stop_asked.wait(_LOOK_S):
                if not _is_held(handle.fileno()):
                    continue
                self.loaded += 1
                names = {name for one in services for name in _tools_below(one)}
                self.beside += bool(names)
                for name in names:
                    self.seen[name] = self.seen.get(name, 0) + 1

    def end(self) -> dict[str, Any]:
        """Stop checking; returns the observations."""
        self._stop_asked.set()
        self.join()
        top = sorted(self.seen.items(), key=lambda one: -one[1])[:8]
        return {
            "lock_held_s": round(self.loaded * _LOOK_S, 1),
            "beside_load": round(self.beside / self.loaded, 3) if self.loaded else None,
            "beside_load_names": {name: round(n * _LOOK_S, 1) for name, n in top},
        }

    def _is_service(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("ASSAY_STACK") == str(self.shell.data)
            words = process.cmdline()
        except (psutil.Error, OSError):
            return False
        return ours and any(f"analyzers.{kind}" in words for kind in ("static", "dynamic"))


def _is_held(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _tools_below(service: psutil.Process) -> set[str]:
    """Programs that the reapers of a service run now."""
    found: set[str] = set()
    try:
        reapers = [reaper for fork in service.children() for reaper in fork.children()]
        for tool in [tool for reaper in reapers for tool in reaper.children()]:
            found.add(Path((tool.cmdline() or ["?"])[0]).name)
    except psutil.Error:
        pass
    return found


def clean_up(scope: str) -> None:
    """Leave nothing on the engine, also if the run was interrupted under a running app."""
    with closing(docker.from_env()) as engine:
        label = {"label": f"{LABEL_SCOPE}={scope}"}
        for container in engine.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for network in engine.networks.list(filters=label):
            network.remove()
        for image in engine.images.list(filters=label):
            engine.images.remove(image.id, force=True)
