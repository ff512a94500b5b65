"""Which dynamic tools run when: the app has one state, and several tools write to it."""

import asyncio

import pytest

from analyzers.dynamic.probe import WRITERS
from analyzers.dynamic.tools import TOOLS
from analyzers.runtime.measure.schedule import run_in_order
from analyzers.runtime.tool import Tool


@pytest.mark.parametrize(
    "left_out", [set[str](), {"error-pages"}, {"discovery", "injection"}, {"wapiti", "browser"}]
)
async def test_one_tool_writes_at_a_time_whichever_are_asked_for(left_out: set[str]):
    running, ended = set[str](), list[str]()

    async def start(tool: Tool) -> None:
        running.add(tool.name)
        assert len(running & set(WRITERS)) <= 1
        await asyncio.sleep(0)
        running.remove(tool.name)
        ended.append(tool.name)

    tools = [one for one in reversed(TOOLS) if one.name not in left_out]
    await run_in_order(tools, start, lambda _done, _running: None)

    assert [one for one in ended if one in WRITERS] == [
        one for one in WRITERS if one not in left_out
    ]


def test_readers_do_not_wait_for_the_attacks():
    by_name = {one.name: one for one in TOOLS}

    for name in ("http-headers", "exposed-files"):
        assert by_name[name].after == ("discovery",)
    assert set(WRITERS) <= by_name.keys()
