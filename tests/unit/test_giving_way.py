"""Which work of an analyzer gives way to a load test on its host, and what of it is waited for."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import pytest

from analyzers.performance.lock import host_lock
from analyzers.runtime.measure import giving_way
from analyzers.runtime.measure.giving_way import GivingWay
from contract.analyzers import AnalyzerKind
from contract.quiet import scans_ended, undisturbed

STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
SELDOM = [AnalyzerKind.AI, AnalyzerKind.PERFORMANCE]


class Run:
    """One subtask that begins as `Measurement` begins it."""

    def __init__(self, kind: AnalyzerKind, lock: Path) -> None:
        self.giving_way = GivingWay(kind, lock)
        self.said: list[str] = []
        self.waits = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.waits = True
        yield
        self.waits = False

    def whole(self) -> AbstractAsyncContextManager[None]:
        return self.giving_way.run(self.said.append)

    def tool(self) -> AbstractAsyncContextManager[None]:
        return self.giving_way.tool(self.aside(), self.said.append)


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(giving_way, "SCAN_CALM_S", 0.0)
    return tmp_path / "lock"


async def begun(part: AbstractAsyncContextManager[None]) -> bool:
    """Whether it begins at once."""
    entering = asyncio.ensure_future(part.__aenter__())
    done = bool((await asyncio.wait([entering], timeout=0.5))[0])
    entering.cancel()
    await asyncio.wait([entering])
    if done:
        await part.__aexit__(None, None, None)
    return done


async def is_waited_for(part: AbstractAsyncContextManager[None], lock: Path) -> bool:
    """Whether a load test that begins meanwhile waits for its end."""
    async with part, host_lock(lock, 5), undisturbed(lock, 0.3) as alone:
        return not alone


async def test_a_static_run_gives_way_and_is_waited_for_as_a_whole(lock: Path):
    async with host_lock(lock, 5, "an app"):
        run = Run(STATIC, lock)
        assert not await begun(run.whole())
        assert run.said == ["gives way to a load test on this host"]
        assert await begun(Run(STATIC, lock).tool()), "a run that was begun goes on"
    assert await begun(Run(STATIC, lock).whole())
    assert await is_waited_for(Run(STATIC, lock).whole(), lock)


async def test_a_scan_gives_way_and_is_waited_for_tool_by_tool(lock: Path):
    run = Run(DYNAMIC, lock)
    async with run.whole():
        async with host_lock(lock, 5, "an app"):
            part = run.tool()
            entering = asyncio.ensure_future(part.__aenter__())
            await asyncio.sleep(0.3)
            assert not entering.done()
            assert run.waits, "what it waits does not count as its own time"
        await entering
        assert not run.waits
        await part.__aexit__(None, None, None)
        assert await is_waited_for(run.tool(), lock)
    assert not await is_waited_for(Run(DYNAMIC, lock).whole(), lock)


async def test_a_scan_is_under_way_from_its_first_tool_to_its_end(lock: Path):
    async def is_seen() -> bool:
        seeing = asyncio.ensure_future(scans_ended(lock, 30))
        ended = (await asyncio.wait([seeing], timeout=0.3))[0]
        seeing.cancel()
        return not ended

    run = Run(DYNAMIC, lock)
    async with run.whole():
        assert not await is_seen(), "it may itself wait for load tests for long"
        async with run.tool():
            assert await is_seen()
        assert await is_seen(), "between two tools"
    assert not await is_seen()


@pytest.mark.parametrize("kind", SELDOM)
async def test_load_tests_and_judges_give_way_to_nothing(lock: Path, kind: AnalyzerKind):
    async with host_lock(lock, 5, "an app"):
        assert await begun(Run(kind, lock).whole())
        assert await begun(Run(kind, lock).tool())


async def test_a_subtask_waits_so_long_in_all_and_no_longer(
    lock: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(giving_way, "GIVE_WAY_S", 1.0)
    run = Run(DYNAMIC, lock)
    loop = asyncio.get_running_loop()
    async with host_lock(lock, 5, "an app"):
        began_s = loop.time()
        async with asyncio.timeout(5), run.tool():
            first_s = loop.time() - began_s
        async with asyncio.timeout(5), run.tool():
            both_s = loop.time() - began_s
    assert first_s >= 1.0
    assert both_s - first_s < 0.5


async def test_without_a_lock_nothing_is_given_way_to():
    run = GivingWay(STATIC, None)
    told: list[str] = []
    async with asyncio.timeout(2), run.run(told.append):
        pass
    assert told == []
