"""Three pipelines at once: no duplicates, every queue within its limit, one load test at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.life import (
    FLEET,
    LIMITS,
    Round,
    broken_promises,
    litter,
    live_through,
    load_tests_at_once,
)
from tests.chaos.oracle import Cell, over_limit, unlike_reference
from tests.chaos.site import Site

PIPELINES = ("load-1", "load-2", "load-3")
# Fifteen load tests, one after another, which also wait for those of other stacks on this host.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def together(site: Site, undisturbed: list[Cell]) -> list[Round]:
    """Run all of them, submitted at the same moment."""

    def run(pipeline_id: str) -> Round:
        return asyncio.run(live_through(site, pipeline_id, [], alone=False))

    with ThreadPoolExecutor(len(PIPELINES)) as pool:
        return list(pool.map(run, PIPELINES))


@pytest.mark.docker
def test_nothing_is_left_of_them(together: list[Round], site: Site):
    assert len(together) == len(PIPELINES)
    assert asyncio.run(litter(site)) == []


@pytest.mark.docker
def test_each_pipeline_is_complete_and_none_disturbs_another(
    together: list[Round], undisturbed: list[Cell]
):
    assert [problem for one in together for problem in broken_promises(undisturbed, one)] == []


@pytest.mark.docker
def test_no_queue_runs_more_than_its_limit(together: list[Round]):
    activities = [activity for one in together for activity in one.activities]

    assert {run.task_queue for run in activities} >= set(LIMITS)
    assert over_limit(activities, LIMITS) == []


@pytest.mark.docker
def test_no_two_load_tests_run_at_the_same_moment(together: list[Round]):
    windows = sum(1 for one in together for cell in one.cells if cell.tool == "openloop")

    assert windows == len(FLEET) * len(PIPELINES)
    assert load_tests_at_once(together) == 1


@pytest.mark.docker
def test_reports_do_not_depend_on_company(together: list[Round], undisturbed: list[Cell]):
    for one in together:
        assert unlike_reference(undisturbed, one.cells, frozenset()) == []
