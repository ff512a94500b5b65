"""Which tools run beside which."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.runtime.schedule import CpuBudget, run_in_order
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
