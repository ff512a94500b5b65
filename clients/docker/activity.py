"""Whether the processes of a container only wait for requests from outside."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Our own requests keep a service busy to this degree.
_IDLE_CORES = 0.2
_MAX_PROCESSES = 64
_MAX_THREADS = 512
_LISTEN = "0A"
# Kernel functions of threads that go on by themselves: after a time, or when another one answers.
_GOES_ON = ("nanosleep", "nsleep", "connect")
# Shown for a running thread, or for one that we may not look at.
_NOWHERE = ("", "0")


@dataclass(frozen=True, slots=True)
class Activity:
    """The work of a container's processes at one moment.

    Attributes:
        at_s: seconds of a monotonic clock.
        cpu_s: processor time that each process has used.
        waits: whether each process without children holds an open port, and no thread goes on by
            itself.
    """

    at_s: float
    cpu_s: Mapping[int, float]
    waits: bool

    def is_calm_since(self, before: "Activity") -> bool:
        """Whether the same processes have waited since `before` and done next to nothing."""
        if not (self.waits and before.waits) or self.cpu_s.keys() != before.cpu_s.keys():
            return False
        used_s = sum(self.cpu_s.values()) - sum(before.cpu_s.values())
        return used_s <= _IDLE_CORES * (self.at_s - before.at_s)


def activity(pid: int) -> Activity:
    """The activity of process `pid`, the first of a container, and of its descendants. Blocking.

    Processes that cannot be seen do not count as waiting.
    """
    now_s = time.monotonic()
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        if len(processes) > _MAX_PROCESSES:
            return Activity(now_s, {}, waits=False)
        cpu_s = {process.pid: sum(process.cpu_times()[:2]) for process in processes}
        parents = {process.ppid() for process in processes}
        last = [process for process in processes if process.pid not in parents]
        sockets = _listening(pid)
        waits = all(_holds(process.pid, sockets) for process in last)
        waits = waits and not any(_goes_on(process.pid) for process in processes)
    except (psutil.Error, OSError):
        return Activity(now_s, {}, waits=False)
    return Activity(now_s, cpu_s, waits)


def _listening(pid: int) -> set[str]:
    """Inodes of the listening sockets in the network of a process."""
    tables = (Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return {f"socket:[{row[9]}]" for row in rows if len(row) > 9 and row[3] == _LISTEN}


def _holds(pid: int, sockets: set[str]) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(link) in sockets:
                return True
    return False


def _goes_on(pid: int) -> bool:
    """Whether a thread of the process runs, sleeps for a time, connects, or cannot be looked at."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/wchan"))
    if not threads or len(threads) > _MAX_THREADS:
        return True
    for thread in threads:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            place = thread.read_text()
            if place in _NOWHERE or any(name in place for name in _GOES_ON):
                return True
    return False
