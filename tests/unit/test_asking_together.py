"""Of those who ask the same within a moment, one asks."""

import asyncio

import pytest

from control.asking import Together


class Source:
    """Counts what it is asked; answers when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.times = 0
        self.fault: Exception | None = None

    async def ask(self) -> int:
        self.times += 1
        times = self.times
        await self.may.wait()
        if self.fault:
            raise self.fault
        return times


async def test_those_who_ask_at_once_share_one_question() -> None:
    source, together = Source(), Together[int](60, 10)
    asking = [asyncio.create_task(together.of("q", source.ask)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()  # who asked first has gone
    source.may.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert answers[1:] == [1] * 49
    assert await together.of("q", source.ask) == 1
    assert await together.of("other", source.ask) == 2
    assert (source.times, together.asked) == (2, 2)


async def test_an_old_answer_is_asked_for_again() -> None:
    source, together = Source(), Together[int](-1, 10)
    source.may.set()

    assert [await together.of("q", source.ask) for _ in range(2)] == [1, 2]


async def test_a_fault_is_told_to_all_who_asked_and_not_kept() -> None:
    source, together = Source(), Together[int](60, 10)
    source.fault = ValueError("wrong")
    source.may.set()
    asked = [together.of("q", source.ask) for _ in range(2)]
    faults = await asyncio.gather(*asked, return_exceptions=True)
    source.fault = None

    assert [str(fault) for fault in faults] == ["wrong", "wrong"]
    assert await together.of("q", source.ask) == 2


async def test_no_more_is_remembered_than_it_says() -> None:
    source, together = Source(), Together[int](60, 2)
    source.may.set()
    for name in range(5):
        await together.of(name, source.ask)
    again = await together.of(0, source.ask)

    assert again == 6


async def test_closed_while_it_asks_it_lets_everybody_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.asking._SETTLE_S", 0.01)
    source, together = Source(), Together[int](60, 2)
    asking = asyncio.create_task(together.of("q", source.ask))
    await asyncio.sleep(0)
    await together.close()

    with pytest.raises(asyncio.CancelledError):
        await asking
