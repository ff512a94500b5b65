"""Kill it anywhere, lose nothing: pipelines run under a seeded schedule of faults."""

import asyncio
import statistics

import pytest

from tests.chaos.conftest import CI_FAULTS, Ledger
from tests.chaos.faults import possible_kinds
from tests.chaos.life import live_through, say
from tests.chaos.oracle import Cell
from tests.chaos.schedule import FaultKind, draw
from tests.chaos.site import Site

PER_PIPELINE = 6
WASTE_LIMIT = 0.05
RESUME_LIMIT_S = 15.0


@pytest.mark.timeout(0)
@pytest.mark.docker
def test_pipelines_survive_every_fault(
    site: Site, undisturbed: list[Cell], ledger: Ledger, request: pytest.FixtureRequest
):
    kinds = possible_kinds(site)
    ledger.impossible = set(FaultKind) - kinds
    waiting = list(draw(ledger.seed, request.config.getoption("chaos_faults", CI_FAULTS), kinds))
    number = 0
    while waiting:
        number += 1
        faults, waiting = waiting[:PER_PIPELINE], waiting[PER_PIPELINE:]
        one = asyncio.run(live_through(site, f"chaos-{ledger.seed}-{number}", faults))
        waiting = one.left_over + waiting
        found = ledger.enter(one, undisturbed)
        say(f"{one.pipeline_id}: {len(one.injections)} faults survived in {one.took_s:.0f} s")
        for text in found:
            say(text)

    assert ledger.broken == []
    assert ledger.unexplained_waste() < WASTE_LIMIT
    assert statistics.median(ledger.resume_s() or [0.0]) < RESUME_LIMIT_S
