"""Who gets the cores, and when: in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.runtime.measure import cores as cores_module
from analyzers.runtime.measure import schedule
from analyzers.runtime.measure.cache_key import measured_weights
from analyzers.runtime.measure.cores import MAX_PASSED, CpuBudget
from analyzers.runtime.measure.schedule import run_in_order
from analyzers.runtime.measure.weights import Weights, urgencies
from analyzers.runtime.tool import Tool
from analyzers.static.tools import TOOLS
from tests.support.demo_analyzer import DemoTool
from tests.support.virtual_time import run_in_virtual_time

CORES = 2.0
SECONDS = st.integers(1, 40).map(lambda tenths: tenths / 10)
SHARES = st.sampled_from([0.25, 0.5, 0.75, 1.0])


@dataclass
class Host:
    """Runs jobs on a budget and writes down when each of them held how much."""

    budget: CpuBudget = field(default_factory=lambda: CpuBudget(CORES))
    log: list[tuple[str, float, float, float]] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    most: float = 0.0
    used: float = 0.0

    async def job(self, name: str, seconds: float, cost: float = 1.0, owner: str = "a") -> None:
        async with self.budget.hold(cost, owner, urgency=seconds):
            began = asyncio.get_running_loop().time()
            self.began.append(name)
            self.used += cost
            self.most = max(self.most, self.used)
            await asyncio.sleep(seconds)
            self.used -= cost
            self.log.append((name, began, asyncio.get_running_loop().time(), cost))

    def wall(self) -> float:
        return max(end for _, _, end, _ in self.log)


def run(main: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        return run_in_virtual_time(patch, (schedule, cores_module), main)


def test_the_longest_goes_first_however_late_it_asks_in_the_same_moment():
    host = Host()

    async def main() -> None:
        await asyncio.gather(*(host.job(str(s), s) for s in (1, 2, 3, 4, 5)))

    run(main)
    assert host.began == ["5", "4", "3", "2", "1"]
    assert host.wall() == pytest.approx(8.0, abs=0.01)  # 15 s of work: no core was ever idle


def test_a_cheap_one_fills_the_gap_and_delays_nobody():
    host = Host()

    async def main() -> None:
        await asyncio.gather(
            *(host.job(name, s, 0.75) for name, s in (("long", 6), ("second", 5), ("third", 4))),
            *(host.job(f"cheap{n}", 1, 0.5) for n in range(3)),
        )

    run(main)
    start = {name: began for name, began, _, _ in host.log}
    assert start["long"] == start["second"] == start["cheap0"] == pytest.approx(0, abs=0.01)
    assert start["third"] == pytest.approx(5.0, abs=0.01)
    assert start["cheap2"] < 3.0


def test_small_ones_pass_a_large_one_only_so_often():
    host = Host()

    async def main() -> None:
        small = [asyncio.create_task(host.job("small", 1, 0.5)) for _ in range(4)]
        await asyncio.sleep(0.1)
        large = asyncio.create_task(host.job("large", 100, 2.0))
        for n in range(40):  # one asks whenever one ends
            await asyncio.sleep(0.25)
            small.append(asyncio.create_task(host.job(f"late{n}", 1 + n / 100, 0.5)))
        await asyncio.gather(large, *small)

    run(main)
    began = [name for name in host.began if name != "small"]
    assert began.index("large") <= MAX_PASSED


def test_an_app_with_many_slow_tools_leaves_a_core_to_the_other():
    host = Host()

    async def main() -> None:
        slow = [host.job(f"slow{n}", 100, owner="slow") for n in range(6)]
        first = asyncio.gather(*slow)
        await asyncio.sleep(1)
        await asyncio.gather(*(host.job(f"quick{n}", 1, owner="quick") for n in range(5)))
        await first

    run(main)
    ends = {name: end for name, _, end, _ in host.log}
    assert ends["quick4"] <= 100 + 5 + 0.1


def test_what_others_wait_for_is_more_urgent_than_what_takes_longer():
    tools: list[Any] = [
        DemoTool("long"),
        DemoTool("finder"),
        DemoTool("reader", after=("finder",)),
        DemoTool("last", after=("reader", "not-in-this-run")),
    ]
    seconds = {"long": 5.0, "finder": 1.0, "reader": 3.0, "last": 2.0}
    urgency = urgencies(tools, seconds)
    assert urgency == {"long": 5.0, "finder": 6.0, "reader": 5.0, "last": 2.0}
    circle: list[Any] = [DemoTool("a", after=("b",)), DemoTool("b", after=("a",))]
    assert set(urgencies(circle, {"a": 1.0, "b": 1.0})) == {"a", "b"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SECONDS, SHARES, st.sampled_from("abc")), min_size=1, max_size=14))
def test_never_more_than_the_budget_and_everybody_has_a_turn(
    jobs: list[tuple[float, float, str]],
):
    host = Host()

    async def main() -> None:
        await asyncio.gather(*(host.job(str(n), *job) for n, job in enumerate(jobs)))

    run(main)
    assert host.most <= CORES + 1e-6
    assert len(host.log) == len(jobs)


@settings(max_examples=60, deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=14))
def test_the_makespan_is_within_grahams_bound_of_any_schedule(lengths: list[float]):
    host = Host()

    async def main() -> None:
        await asyncio.gather(*(host.job(str(n), s) for n, s in enumerate(lengths)))

    run(main)
    least = max(sum(lengths) / CORES, max(lengths))
    assert host.wall() <= least + (1 - 1 / CORES) * max(lengths) + 0.01


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SECONDS, SHARES), min_size=1, max_size=14))
def test_the_order_is_the_same_in_every_run(jobs: list[tuple[float, float]]):
    def once() -> list[str]:
        host = Host()

        async def main() -> None:
            await asyncio.gather(*(host.job(str(n), *job) for n, job in enumerate(jobs)))

        run(main)
        return host.began

    assert once() == once()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(SECONDS, SHARES, st.booleans(), st.sets(st.integers(0, 7), max_size=2)),
        min_size=1,
        max_size=8,
    )
)
def test_an_exclusive_tool_is_alone_and_readers_come_after(
    plan: list[tuple[float, float, bool, set[int]]],
):
    host = Host()
    tools: list[Any] = [
        DemoTool(str(n), cost=share, exclusive=alone, after=tuple(str(i) for i in after if i < n))
        for n, (_, share, alone, after) in enumerate(plan)
    ]

    async def start(tool: Tool) -> None:
        await host.job(tool.name, plan[int(tool.name)][0], tool.cost)

    async def main() -> None:
        await run_in_order(tools, start, lambda _done, _begun: None)

    run(main)
    spans = {name: (began, end) for name, began, end, _ in host.log}
    assert len(spans) == len(tools)
    for tool in tools:
        began, end = spans[tool.name]
        assert all(spans[name][1] <= began for name in tool.after)
        if tool.exclusive:
            others = [span for name, span in spans.items() if name != tool.name]
            assert all(stop <= began or start >= end for start, stop in others)


@pytest.mark.parametrize("size_bytes", [20_000, 300_000, 4 * 1024**2])
@pytest.mark.parametrize("given", [slice(None), slice(0, 9), slice(8, None), slice(0, None, 2)])
def test_the_static_tools_keep_both_cores_busy_for_one_app_and_for_two(
    size_bytes: int, given: slice
):
    weights, tools = Weights(measured_weights(TOOLS)), TOOLS[given]
    takes_s = {tool.name: weights.seconds(tool.name, size_bytes) for tool in tools}

    def wall_s(apps: int) -> float:
        host = Host()
        jobs = [(tool.name, takes_s[tool.name], weights.cores(tool)) for tool in tools]

        async def main() -> None:
            await asyncio.gather(*(host.job(*one, str(app)) for app in range(apps) for one in jobs))

        run(main)
        return host.wall()

    busy_s = sum(takes_s[tool.name] for tool in tools if weights.cores(tool) > 0.5)
    floor_s = max(busy_s / CORES, *takes_s.values())
    two_floor_s = max(busy_s, *takes_s.values())
    assert wall_s(1) <= 1.15 * floor_s
    assert wall_s(2) <= 1.15 * two_floor_s
