"""Answers of a store that take long: asked for once for all who wait, and kept for a while."""

import asyncio
from pathlib import Path

import pytest

from control import kept_answers
from control.kept_answers import kept_answer
from store.results import SqlResultStore


@pytest.fixture
def store(tmp_path: Path) -> SqlResultStore:
    return SqlResultStore.from_url(f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}")


async def test_viewers_who_wait_together_cost_one_question(
    store: SqlResultStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept_answers, "_FREE_S", 0.0)
    asked: list[int] = []

    async def ask() -> int:
        asked.append(1)
        await asyncio.sleep(0.01)
        return len(asked)

    answers = await asyncio.gather(*(kept_answer(store, "tools", ask) for _ in range(50)))
    other, _ = await kept_answer(store, "models", ask)

    assert {answer for answer, _ in answers} == {1}
    assert len({at for _, at in answers}) == 1
    assert other == 2


async def test_what_is_quick_is_asked_anew(store: SqlResultStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_answers, "_FREE_S", 60.0)
    numbers = iter(range(2))

    async def ask() -> int:
        return next(numbers)

    assert [(await kept_answer(store, "tools", ask))[0] for _ in range(2)] == [0, 1]


async def test_an_error_is_not_kept(store: SqlResultStore):
    async def fails() -> int:
        raise OSError("away")

    async def works() -> int:
        return 7

    with pytest.raises(OSError, match="away"):
        await kept_answer(store, "tools", fails)
    assert (await kept_answer(store, "tools", works))[0] == 7
