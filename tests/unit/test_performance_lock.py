"""Whoever waits for the host's load-test lock is told who holds it, and loses no time by it."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzers.performance.isolation import alone
from analyzers.performance.lock import holder, host_lock
from analyzers.performance.options import LoadOptions
from analyzers.performance.site import Site
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.schedule import Allowance
from analyzers.runtime.tool import ToolFault
from tests.support.load_run import run_of


async def test_a_wait_says_who_holds_the_lock_and_since_when(tmp_path: Path) -> None:
    lock, told = tmp_path / "lock", list[str]()
    async with host_lock(lock, 1, "fleet/claude/app3/performance"):
        with pytest.raises(ToolFault, match=r"held .* for 0 s .*fleet/claude/app3"):
            async with host_lock(lock, 0.2, "fleet/gpt/app1/performance", told.append):
                pass

    assert len(told) == 1
    assert "held by fleet/claude/app3/performance on " in told[0]
    assert " since 20" in told[0]
    assert "waited 0 s so far" in told[0]


async def test_who_waited_gets_the_lock_and_writes_its_own_name(tmp_path: Path) -> None:
    lock, waiting = tmp_path / "lock", asyncio.Event()

    async def second() -> str:
        async with host_lock(lock, 10, "second", lambda _: waiting.set()):
            return holder(lock)

    async with asyncio.TaskGroup() as group, host_lock(lock, 1, "first"):
        task = group.create_task(second())
        await waiting.wait()
        assert holder(lock).startswith("first on ")
    assert task.result().startswith("second on ")
    assert holder(lock) == "another load test"  # nobody is named when nobody holds it


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"x"', b"{}", b"\xff\xfe", b"[" * 5_000, b'{"owner": 1, "host": 2}'],
)
def test_a_file_that_says_nothing_of_use_is_another_load_test(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "lock").write_bytes(content)

    assert holder(tmp_path / "lock") == "another load test"
    assert holder(tmp_path / "none") == "another load test"


def test_what_anybody_may_have_written_is_cut_and_harmless(tmp_path: Path) -> None:
    record = {"owner": "\x1b[31mx\n" + "y" * 400, "host": "h", "since": "s"}
    (tmp_path / "lock").write_text(json.dumps(record))

    shown = holder(tmp_path / "lock")
    assert shown.isprintable()
    assert len(shown) < 300


@pytest.mark.parametrize("link", [os.symlink, os.link])
async def test_a_link_leads_to_no_other_file(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    ours = tmp_path / "ours"
    ours.write_text("keep me")
    link(ours, tmp_path / "lock")

    async with host_lock(tmp_path / "lock", 1, "me"):
        pass
    assert ours.read_text() == "keep me"


async def test_waiting_for_the_lock_is_no_time_of_the_run(tmp_path: Path) -> None:
    budget, allowance = CpuBudget(1), Allowance(limit_s=30, max_extension_s=600)
    run = run_of(tmp_path, "http://127.0.0.1:9")
    told = list[str]()
    run = run.__class__(
        run.request,
        run.source,
        run.workspace,
        run.tools_dir,
        progress=told.append,
        waiting=allowance.aside,
    )
    site, freed = Site(lock_file=tmp_path / "lock"), asyncio.Event()

    async def other() -> None:
        async with host_lock(site.lock_file, 1, "other"):
            while not told:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
        freed.set()

    before = allowance.ends_at
    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        await asyncio.sleep(0)
        async with allowance.hold(budget, 1, "app"), alone(run, LoadOptions(), site):
            assert freed.is_set()
            assert allowance.waited_s >= 0.25
            assert allowance.ends_at - before >= 0.25
            assert told[-1] == "has the host's load-test lock"
