"""Apps that die while they wait for a slot, or for another load test, are nobody's fault."""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.ids import LABEL_WORKFLOW, app_workflow_id
from tests.chaos.engine import containers
from tests.chaos.evidence import load_tests_now
from tests.chaos.faults import Injection, Injector
from tests.chaos.life import FLEET, broken_promises, live_through, say
from tests.chaos.oracle import Cell, unlike_reference
from tests.chaos.schedule import Fault, FaultKind
from tests.chaos.site import Site

PIPELINE = "queues"
APPS = [app_workflow_id(PIPELINE, model, number) for model, number in FLEET]
# An out-of-memory death is the app's own doing, and still no death under a measurement.
DEEDS = (
    (FaultKind.APP_KILL, ("kill", "--signal", "KILL")),
    (FaultKind.APP_REMOVED, ("rm", "-f")),
    (FaultKind.APP_MEMORY, ("kill", "--signal", "HUP")),
)
_ALL_WAIT_LIMIT_S = 120.0


@contextmanager
def another_load_test(site: Site) -> Iterator[None]:
    """Hold the lock of the site's load tests: the first of them waits for it, in its slot."""
    site.load_lock.write_text("{}")
    os.utime(site.load_lock, (0, 0))  # it has lasted for so long that builds give way no more
    with site.load_lock.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def waiting(client: Client) -> list[str]:
    """Every app of the fleet, once all wait for the one load test that has the slot; it is last."""
    deadline = time.monotonic() + _ALL_WAIT_LIMIT_S
    while time.monotonic() < deadline:
        with suppress(RPCError):
            found = await load_tests_now(client, APPS)
            if len(found) == len(APPS) and sum(found.values()) == 1:
                return sorted(found, key=lambda app: found[app])
        await asyncio.sleep(0.3)
    raise AssertionError("the fleet never came to wait")


def hit(injector: Injector, app: str, kind: FaultKind, command: tuple[str, ...]) -> None:
    """Run the command on the container of `app`, and wait until it is gone."""
    site = injector.site
    rows = containers(site.engine, site.scope_label)
    (row,) = [row for row in rows if row["Labels"][LABEL_WORKFLOW] == app]
    site.engine.docker(*command, row["ID"])
    site.engine.docker("wait", row["ID"], check=False)
    injector.done.append(Injection(Fault(kind, 0, 0, 0, 0), time.time(), app))
    say(f"{PIPELINE}: {kind} -> {app}")


@pytest.mark.docker
def test_a_death_in_a_queue_costs_a_restart_and_no_cell(site: Site, undisturbed: list[Cell]):
    async def deaths(client: Client, injector: Injector) -> None:
        with another_load_test(injector.site):
            *queued, in_slot = await waiting(client)
            for app, (kind, command) in zip(queued, DEEDS, strict=False):
                hit(injector, app, kind, command)
            hit(injector, in_slot, *DEEDS[0])

    one = asyncio.run(live_through(site, PIPELINE, [], meanwhile=deaths))

    assert unlike_reference(undisturbed, one.cells, frozenset()) == []
    assert broken_promises(undisturbed, one) == []
    assert one.runs_started["performance"] <= len(FLEET) + 1, "what was queued had not begun"
