"""Comparisons are made once for all who ask, and say how far they are."""

import asyncio
import shutil
from pathlib import Path

import pytest

from contract.analysis import Severity
from contract.errors import PlatformError
from contract.suppression import Suppression
from contract.weakness import BaselineState
from control import comparisons
from control.comparing import compare
from control.comparing_asked import EVERY_CHANGE, AskedChanges
from control.comparisons import Compared, Comparing, Comparisons
from control.errors import NotStoredError, WrongInputError
from control.stored import Stored
from tests.support.two_pipelines import two_pipelines


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(two_pipelines(folder))
    return folder / "assay.db"


@pytest.fixture
def stored(recorded: Path, tmp_path: Path) -> Stored:
    database = shutil.copy(recorded, tmp_path)
    return Stored(f"sqlite+aiosqlite:///{database}", in_use=lambda: False)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Comparisons stop after their first apps until this is set."""
    gate = asyncio.Event()

    async def slow(*args, on_progress, **fields):
        on_progress(1, 3)
        await gate.wait()
        return await compare(*args, **fields)

    monkeypatch.setattr(comparisons, "compare", slow)
    monkeypatch.setattr(comparisons, "_PATIENCE_S", 0.01)
    return gate


async def test_who_asks_while_it_is_made_hears_how_far_it_is(stored: Stored, gate: asyncio.Event):
    kept = Comparisons(stored)
    first = await kept.ask("before", "after", EVERY_CHANGE)
    second = await kept.ask("before", "after", EVERY_CHANGE)
    gate.set()
    while isinstance(told := await kept.ask("before", "after", EVERY_CHANGE), Comparing):
        await asyncio.sleep(0)

    assert first == second == Comparing(then="before", now="after", done=1, of=3)
    assert told.comparison.summary.apps == 2
    assert not told.outdated


async def test_a_comparison_is_made_once_and_anew_when_a_pipeline_changed(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
):
    made: list[str] = []

    async def counted(*args, **fields):
        made.append(args[2])
        return await compare(*args, **fields)

    monkeypatch.setattr(comparisons, "compare", counted)
    kept = Comparisons(stored)
    for _ in range(2):
        assert isinstance(await kept.ask("before", "after", EVERY_CHANGE), Compared)
    assert len(made) == 1

    decided = Suppression(fingerprint="v2-fresh", who="Ada", why="known")
    await stored.answered("after", lambda store: store.suppress("after", decided))
    told = await kept.ask("before", "after", EVERY_CHANGE)

    assert len(made) == 2
    assert isinstance(told, Compared)
    assert told.comparison.changes[0].weakness.suppression == decided


async def test_a_failed_comparison_is_forgotten(stored: Stored):
    kept = Comparisons(stored)
    with pytest.raises(NotStoredError):
        await kept.ask("before", "gone", EVERY_CHANGE)
    wrong = AskedChanges(app=("openai/gpt-4o/app9",))
    for _ in range(2):
        asked = (kept.ask("before", "after", wrong) for _ in range(2))
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in told] == [WrongInputError, WrongInputError]


async def test_what_is_under_way_ends_when_it_is_closed(stored: Stored, gate: asyncio.Event):
    kept = Comparisons(stored)
    await kept.ask("before", "after", EVERY_CHANGE)
    await kept.close()

    assert not [task for task in asyncio.all_tasks() if "_made" in repr(task.get_coro())]


async def test_filters_of_the_list_read_nothing_anew(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
):
    made: list[AskedChanges] = []

    async def counted(*args, **fields):
        made.append(args[3])
        return await compare(*args, **fields)

    monkeypatch.setattr(comparisons, "compare", counted)
    kept = Comparisons(stored)
    for wanted in (
        EVERY_CHANGE,
        AskedChanges(text="fresh"),
        AskedChanges(severity=(Severity.MEDIUM,), tool=("bandit",)),
        AskedChanges(state=(BaselineState.FIXED,), cwe=("89",)),
    ):
        told = await kept.ask("before", "after", wanted)
        assert isinstance(told, Compared)
        assert told.comparison == await compare(stored, "before", "after", wanted)
    with pytest.raises(WrongInputError, match="no tool bandid"):
        await kept.ask("before", "after", AskedChanges(tool=("bandid",)))
    assert made == [EVERY_CHANGE]

    monkeypatch.setattr(comparisons, "_CHANGES", 1)
    await kept.ask("before", "after", AskedChanges(category=("all",)))
    narrow = await kept.ask("before", "after", AskedChanges(category=("all",), text="mended"))
    assert isinstance(narrow, Compared)
    assert [c.weakness.finding.fingerprint for c in narrow.comparison.changes] == ["v2-mended"]
    assert len(made) == 3


async def test_what_nobody_waits_for_makes_room(
    stored: Stored, gate: asyncio.Event, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(comparisons, "_MOST_WAITING", 1)
    kept, other = Comparisons(stored), AskedChanges(app=("openai/gpt-4o/app1",))
    await kept.ask("before", "after", EVERY_CHANGE)
    with pytest.raises(PlatformError, match="too many comparisons") as refused:
        await kept.ask("before", "after", other)
    assert refused.value.retry_after_s

    monkeypatch.setattr(comparisons, "_LEFT_S", -1.0)
    assert isinstance(await kept.ask("before", "after", other), Comparing)
    await kept.close()

    assert not [task for task in asyncio.all_tasks() if "_made" in repr(task.get_coro())]
