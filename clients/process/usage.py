"""What the processes of running apps use."""

import time
from collections.abc import Iterator
from itertools import islice

import psutil

from clients.process.state import StateFolder
from clients.usage import AppUsage, joined

_MAX_SERVICES = 100
_MAX_PROCESSES = 500


def usage(states: StateFolder) -> list[AppUsage]:
    """The apps whose sandboxes run, at most 100 sandboxes. Blocking."""
    return joined(list(islice(_services(states), _MAX_SERVICES)))


def _services(states: StateFolder) -> Iterator[AppUsage]:
    for workflow_id in states.workflows():
        for confined in states.services(workflow_id).values():
            identity = confined.identity()
            if identity and (found := _of(workflow_id, int(identity.split(":")[1]))):
                yield found


def _of(workflow_id: str, pid: int) -> AppUsage | None:
    """Of a sandbox's first process and what it started; None if it has just ended."""
    try:
        first = psutil.Process(pid)
        since_s = first.create_time()
        family = [first, *first.children(recursive=True)][:_MAX_PROCESSES]
    except psutil.Error:
        return None
    memory_bytes, cpu_s = 0, 0.0
    for process in family:
        try:
            memory_bytes += process.memory_info().rss
            cpu_s += sum(process.cpu_times()[:4])  # of ended children, too
        except psutil.Error:
            continue
    return AppUsage(workflow_id, max(0.0, time.time() - since_s), memory_bytes, cpu_s)
