"""All that works on a host gives way to its load test, and the load test waits for what works."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from analyzers.performance.lock import host_lock
from contract.quiet import give_way, scan, scans_ended, undisturbed, work_lock

LONG_S = 30.0


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@asynccontextmanager
async def load_test(lock: Path, limit_s: float = LONG_S) -> AsyncIterator[bool]:
    """As the performance analyzer does it; whether it is alone."""
    async with host_lock(lock, LONG_S, "app"), undisturbed(lock, limit_s) as alone:
        yield alone


async def waits(task: asyncio.Task[object]) -> bool:
    """Whether `task` goes on waiting; it would end within milliseconds."""
    return not (await asyncio.wait([task], timeout=0.5))[0]


async def within(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not check():
            await asyncio.sleep(0.01)


async def test_nothing_waits_on_a_quiet_host(lock: Path):
    work = await give_way(lock, LONG_S)
    assert work.waited_s < 0.3
    work.end()
    async with load_test(lock) as alone:
        assert alone


async def test_what_begins_while_a_load_test_runs_waits_for_its_end(lock: Path):
    told: list[str] = []
    async with load_test(lock):
        begins = asyncio.create_task(give_way(lock, LONG_S, told.append))
        assert await waits(begins)

    work = await asyncio.wait_for(begins, 5)

    assert work.waited_s > 0.3
    assert told == ["gives way to a load test on this host"]
    work.end()


async def test_a_load_test_waits_for_work_that_was_begun_and_lets_none_begin(lock: Path):
    work, other = await give_way(lock, LONG_S), await give_way(lock, LONG_S)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def load() -> None:
        async with load_test(lock) as alone:
            assert alone
            begun.set()
            await ended.wait()

    loads = asyncio.create_task(load())
    await within(
        lambda: lock.exists() and lock.stat().st_size > 0
    )  # it has the load lock, and waits for us
    late = asyncio.create_task(give_way(lock, LONG_S))
    work.end()
    work.end()
    assert await waits(late)
    assert not begun.is_set(), "the other one works still"
    other.end()
    await asyncio.wait_for(begun.wait(), 5)
    assert await waits(late)
    ended.set()
    (await asyncio.wait_for(late, 5)).end()
    await loads


async def test_work_that_does_not_end_is_not_waited_for_for_ever(lock: Path):
    work = await give_way(lock, LONG_S)
    async with load_test(lock, 0.3) as alone:
        assert not alone
    work.end()


async def test_who_has_waited_long_enough_goes_on(lock: Path):
    async with load_test(lock):
        work = await asyncio.wait_for(give_way(lock, 0.3), 5)
        assert 0.3 <= work.waited_s < 3
        work.end()


async def test_a_load_test_that_lasts_too_long_is_given_way_to_no_more(lock: Path):
    async with load_test(lock):
        long_ago = time.time() - 100
        os.utime(lock, (long_ago, long_ago))
        work = await asyncio.wait_for(give_way(lock, 60.0), 5)
        assert work.waited_s < 1
        work.end()


async def test_a_scan_waits_until_no_load_test_follows(lock: Path):
    async with load_test(lock):
        pass
    build = await give_way(lock, LONG_S)
    scan = asyncio.create_task(give_way(lock, LONG_S, calm_s=1.5))
    assert build.waited_s < 0.3
    assert await waits(scan)
    assert (await asyncio.wait_for(scan, 5)).waited_s > 0.5
    build.end()


async def test_a_killed_holder_is_waited_for_by_nobody(lock: Path):
    """The kernel frees the lock of a dead process; what it wrote into the file stays."""
    lock.write_text('{"owner": "dead"}')
    work = await give_way(lock, LONG_S, calm_s=60)
    assert work.waited_s < 0.3
    work.end()


async def test_a_holder_that_writes_nothing_is_given_way_to_within_the_limit(lock: Path):
    lock.touch()
    with lock.open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        begins = asyncio.create_task(give_way(lock, 1.0))
        assert await waits(begins)
        (await asyncio.wait_for(begins, 5)).end()


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "missing folder"])
async def test_files_that_cannot_be_used_hold_nothing_up(tmp_path: Path, kind: str):
    lock = tmp_path / "lock"
    other = tmp_path / "other"
    if kind == "link":
        work_lock(lock).symlink_to(other)
    elif kind == "folder":
        work_lock(lock).mkdir()
    elif kind == "fifo":
        os.mkfifo(work_lock(lock))
    else:
        lock = tmp_path / "none" / "lock"
    async with asyncio.timeout(5):
        work = await give_way(lock, LONG_S)
        work.end()
        async with undisturbed(lock, 0.2):
            pass
    assert not other.exists(), "a link leads to no file of ours"


# ---- scans that have begun


async def test_a_load_test_lets_scans_end_and_holds_nothing_off_meanwhile(lock: Path):
    told: list[str] = []
    one, other = scan(lock), scan(lock)
    load = asyncio.create_task(scans_ended(lock, LONG_S, told.append))

    assert await waits(load)
    assert told == ["lets scans on this host end"]
    build = await give_way(lock, LONG_S)
    assert build.waited_s < 0.3
    build.end()
    one.end()
    assert await waits(load)
    other.end()
    await asyncio.wait_for(load, 5)


async def test_a_scan_without_an_end_is_not_waited_for_any_longer(lock: Path):
    work = scan(lock)
    began_s = time.monotonic()

    await asyncio.wait_for(scans_ended(lock, 0.3), 5)

    assert time.monotonic() - began_s >= 0.3
    work.end()


async def test_load_tests_that_follow_one_another_wait_for_no_scan_between(lock: Path):
    work = scan(lock)
    async with load_test(lock):
        await asyncio.wait_for(scans_ended(lock, LONG_S), 5)
    await asyncio.wait_for(scans_ended(lock, LONG_S), 5)
    past_s = time.time() - 60
    os.utime(lock, (past_s, past_s))
    later = asyncio.create_task(scans_ended(lock, LONG_S))

    assert await waits(later)
    work.end()
    await asyncio.wait_for(later, 5)


async def test_where_no_file_can_be_made_no_scan_is_seen(tmp_path: Path):
    lost = tmp_path / "missing" / "lock"
    told: list[str] = []
    work = scan(lost)

    await asyncio.wait_for(scans_ended(lost, LONG_S, told.append), 5)

    assert told == []
    work.end()
