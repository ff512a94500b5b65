"""A page under test must not reach the host: every way out that a browser knows, with real ones."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.dynamic.tools import TOOLS as DYNAMIC
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.runtime.live import confine
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import Parsed, ToolRun
from tests.support.hostile_page import Host, hostile_host
from tests.support.load_run import quiet_host, run_of, scan_of, site_of

TOOLS = Path(__file__).parents[2] / ".tools"
# Without bubblewrap root becomes a user for whom root's own Python is out of reach; in the images,
# where that way is taken, it is not root in the first place.
WAYS = ("namespace", "files", *(("flags",) if os.getuid() else ()))
MUST_ARRIVE = (
    *("fetch", "image", "iframe", "form", "worker", "serviceworker", "beacon"),
    *("websocket", "redirect"),
)
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
async def hostile() -> AsyncIterator[tuple[Host, str]]:
    async with hostile_host() as pair:
        yield pair


async def look(name: str, run: ToolRun) -> Parsed:
    """What a tool says of the app of `run`."""
    run = replace(run, tools_dir=TOOLS / ("performance" if name == "lighthouse" else "dynamic"))
    tools = (*DYNAMIC, Lighthouse(site_of(run)))
    tool = next(one for one in tools if one.name == name)
    return await tool.run(run, Runner(run.workspace))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", ["browser", "lighthouse"])
async def test_nothing_of_a_hostile_page_reaches_the_host(
    tool: str,
    way: str,
    hostile: tuple[Host, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    quiet_host(monkeypatch)
    monkeypatch.setattr(confine, "WAYS", (way,))
    host, url = hostile

    run = run_of(tmp_path, url) if tool == "lighthouse" else scan_of(tmp_path, url)
    parsed = await look(tool, run)
    assert len(host.tried) > 200
    assert (dict(host.arrived), host.leaked) == ({}, [])
    assert host.own["/own"] > 0
    assert parsed.coverage.reached == 1
    assert any(f"127.0.0.1:{host.port}" in note for note in parsed.notes)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", ["wapiti", "schemathesis"])
async def test_a_scanner_is_not_led_to_the_host(
    tool: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(confine, "WAYS", (way,))
    async with hostile_host(for_scanners=True) as (host, url):
        options = {"wapiti_limit_s": 40, "schemathesis_limit_s": 10}
        parsed = await look(tool, scan_of(tmp_path, url, **options))

    assert dict(host.arrived) == {}
    assert host.own["/away" if tool == "wapiti" else "/item"] > 0
    assert any(f"127.0.0.1:{host.port}" in note for note in parsed.notes)


async def test_without_confinement_the_same_page_does_reach_it(
    hostile: tuple[Host, str], tmp_path: Path
):
    host, url = hostile
    line = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--timeout=8000")
    process = await asyncio.create_subprocess_exec(
        *(*line, f"--user-data-dir={tmp_path}", "--dump-dom", url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await asyncio.wait_for(process.wait(), 60)
    assert [way for way in MUST_ARRIVE if not host.arrived[f"{way}-loopback"]] == []
    assert host.arrived["datagram"] > 0
