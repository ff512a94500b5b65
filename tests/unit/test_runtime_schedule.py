"""Which tools run beside which."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.schedule import Allowance, run_in_order
from analyzers.runtime.tool import Tool
from tests.support.demo_analyzer import DemoTool


async def record(*tools: Any) -> list[tuple[str, frozenset[str]]]:
    """For each start: the tool, and which others ran at that moment."""
    running: set[str] = set()
    log: list[tuple[str, frozenset[str]]] = []

    async def start(tool: Tool) -> None:
        log.append((tool.name, frozenset(running)))
        running.add(tool.name)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.discard(tool.name)

    await run_in_order(tools, start, lambda _done, _running: None)
    return log


async def test_a_reader_waits_and_an_exclusive_tool_is_alone():
    log = await record(
        DemoTool("reader", after=("finder", "not-in-this-run")),
        DemoTool("load", exclusive=True),
        DemoTool("finder"),
        DemoTool("other"),
        DemoTool("load2", exclusive=True, after=("load",)),
    )
    seen = dict(log)
    names = [name for name, _ in log]
    assert seen["load"] == seen["load2"] == frozenset()
    assert seen["other"] == {"finder"}
    assert names.index("reader") > names.index("finder")
    assert names.index("load2") > names.index("load")


async def test_a_circle_does_not_hang():
    log = await record(DemoTool("a", after=("b",)), DemoTool("b", after=("a",)))
    assert sorted(name for name, _ in log) == ["a", "b"]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sets(st.integers(0, 5), max_size=3)), min_size=1, max_size=6
    )
)
async def test_every_tool_runs_once_and_none_beside_an_exclusive_one(
    plan: list[tuple[bool, set[int]]],
):
    tools = [
        DemoTool(str(number), exclusive=alone, after=tuple(map(str, after)))
        for number, (alone, after) in enumerate(plan)
    ]
    log = await record(*tools)
    alone = {tool.name for tool in tools if tool.exclusive}
    assert sorted(name for name, _ in log) == sorted(tool.name for tool in tools)
    assert all(not beside for name, beside in log if name in alone)
    assert all(not beside & alone for _, beside in log)


async def test_the_budget_is_never_exceeded_and_cancelled_waiters_do_not_leak():
    budget = CpuBudget(2.0)
    used, most = 0.0, 0.0

    async def work(cost: float) -> None:
        nonlocal used, most
        async with budget.hold(cost):
            used += min(cost, 2.0)
            most = max(most, used)
            await asyncio.sleep(0.001)
            used -= min(cost, 2.0)

    tasks = [asyncio.create_task(work(cost)) for cost in (1, 0.5, 4, 1, 2, 0.5, 1, 1)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    tasks[6].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2.0
    async with asyncio.timeout(1), budget.hold(2.0):
        assert used == 0.0


async def test_a_slow_tool_of_one_app_does_not_hold_back_another_app():
    budget, order = CpuBudget(2.0), list[str]()
    slow_ends = asyncio.Event()

    async def slow() -> None:
        async with budget.hold(1.0, "a"):
            await slow_ends.wait()

    async def quick(owner: str, number: int, cost: float) -> None:
        async with budget.hold(cost, owner):
            order.append(f"{owner}{number}")
            await asyncio.sleep(0)

    first = asyncio.create_task(slow())
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(quick("a", number, 1.5)) for number in range(3)]
    tasks += [asyncio.create_task(quick("b", number, 1.5)) for number in range(3)]
    async with asyncio.timeout(2):  # b holds least, and 1.5 of 2 cores is above its even part
        while "b2" not in order:
            await asyncio.sleep(0)
    assert order[:3] == ["b0", "b1", "b2"]
    slow_ends.set()
    await asyncio.gather(first, *tasks)
    assert order[3:] == ["a0", "a1", "a2"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.1, 5)), min_size=1, max_size=12))
async def test_whoever_asks_is_served_and_everything_is_given_back(asked: list[tuple[str, float]]):
    budget = CpuBudget(2.0)
    served: list[tuple[str, float]] = []

    async def work(owner: str, cost: float) -> None:
        async with budget.hold(cost, owner):
            served.append((owner, cost))
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(*(work(owner, cost) for owner, cost in asked))
        async with budget.hold(2.0, "z"):
            assert sorted(served) == sorted(asked)


async def test_waiting_for_cores_is_not_the_apps_time():
    budget, allowance = CpuBudget(1.0), Allowance(0.15, 5.0)

    async def other() -> None:
        async with budget.hold(1.0, "other"):
            await asyncio.sleep(0.3)

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    async with allowance.limit(), allowance.hold(budget, 1.0, "mine"):
        assert allowance.waited_s >= 0.25
        assert allowance.ends_at > time.monotonic()
    await task


async def test_working_is_the_apps_time_and_waiting_beside_it_too():
    budget, allowance = CpuBudget(1.0), Allowance(0.1, 5.0)

    async def second() -> None:
        async with allowance.hold(budget, 1.0, "mine"):
            raise AssertionError("the first never ends")

    async with allowance.hold(budget, 1.0, "mine"):
        task = asyncio.create_task(second())
        with pytest.raises(TimeoutError):
            async with allowance.limit():
                await asyncio.sleep(5)
        task.cancel()
    assert allowance.waited_s < 0.05


async def test_waiting_adds_no_more_than_its_bound():
    budget, allowance = CpuBudget(1.0), Allowance(0.05, 0.1)
    async with budget.hold(1.0, "other"):
        with pytest.raises(TimeoutError):
            async with allowance.limit(), allowance.hold(budget, 1.0, "mine"):
                raise AssertionError("nobody gives it back")
