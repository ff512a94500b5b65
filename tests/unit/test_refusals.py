"""What did not get in: in the log at once, counted, and never more than the disk can hold."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.access import AuditEntry, AuditQuery
from contract.errors import ErrorCode, PlatformError
from control import refusals
from control.access_kept import KeptAccess
from control.actions import Action
from control.audit import AuditLog
from control.refusals import NAMED, OTHERS, Refusals
from control.stored import Stored


class Moving:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[KeptAccess]:
    store = KeptAccess(Stored(f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}", in_use=lambda: False))
    yield store
    await store.close()


@pytest.fixture
async def refused(kept: KeptAccess, clock: Moving) -> AsyncIterator[Refusals]:
    counting = Refusals(kept, clock)
    yield counting
    await counting.close()


async def entries(kept: KeptAccess) -> list[AuditEntry]:
    return list((await AuditLog(kept).changes(AuditQuery(limit=200))).changes)


async def waited_for(kept: KeptAccess, number: int) -> list[AuditEntry]:
    async with asyncio.timeout(20):
        while len(found := await entries(kept)) < number or any(
            each.outcome == "begun" for each in found
        ):
            await asyncio.sleep(0.01)
    return found


async def test_the_first_is_in_the_log_at_once(refused: Refusals, kept: KeptAccess, clock: Moving):
    refused.count("192.0.2.1", Action.LOG_IN, "token")
    (entry,) = await waited_for(kept, 1)

    assert (entry.who, entry.address, entry.action) == ("nobody", "192.0.2.1", "log in")
    assert (entry.outcome, entry.reason) == ("failed", "a token that lets nobody in")
    assert entry.at == entry.ended_at == clock.moment


async def test_thousands_within_an_hour_are_one_entry_with_their_count(
    refused: Refusals, kept: KeptAccess, clock: Moving
):
    for _ in range(3_600):
        refused.count("192.0.2.1", Action.LOG_IN, "token")
        clock.moment += timedelta(seconds=1)
    await refused.close()
    (entry,) = await entries(kept)

    assert entry.reason == "3,600 times a token that lets nobody in, last at 12:59:59 UTC"


async def test_the_count_is_brought_up_to_date_meanwhile(
    refused: Refusals, kept: KeptAccess, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(refusals, "_AGAIN_S", 0.01)
    refused.count("192.0.2.1", Action.LOG_IN, "token")
    await waited_for(kept, 1)
    refused.count("192.0.2.1", Action.LOG_IN, "token")
    async with asyncio.timeout(20):
        while not (await entries(kept))[0].reason.startswith("2 times"):
            await asyncio.sleep(0.01)

    assert len(await entries(kept)) == 1


async def test_the_next_hour_has_an_entry_of_its_own(
    refused: Refusals, kept: KeptAccess, clock: Moving
):
    for number in (1, 2):
        refused.count("192.0.2.1", Action.USE_TOKEN, "token")
        await waited_for(kept, number)
        await asyncio.sleep(0)
        clock.moment += timedelta(minutes=61)

    assert len(await entries(kept)) == 2


async def test_addresses_and_actions_are_told_apart(refused: Refusals, kept: KeptAccess):
    for address in ("192.0.2.1", "192.0.2.2"):
        for action in (Action.LOG_IN, Action.USE_TOKEN):
            refused.count(address, action, "token")
    await refused.close()

    found = {(each.address, each.action) for each in await entries(kept)}
    assert len(found) == 4


async def test_whoever_has_many_addresses_fills_no_disk(refused: Refusals, kept: KeptAccess):
    for number in range(5_000):
        refused.count(f"2001:db8::{number:x}", Action.LOG_IN, "token")
    refused.count("2001:db8::1", Action.LOG_IN, "token")
    await refused.close()
    found = await entries(kept)
    others = [each for each in found if each.address == OTHERS]
    again = [each for each in found if each.address == "2001:db8::1"]

    assert len(found) == NAMED + 1
    assert [each.reason.partition(" ")[0] for each in others] == [f"{5_000 - NAMED:,}"]
    assert [each.reason.partition(" ")[0] for each in again] == ["2"]


async def test_a_store_that_is_away_gets_them_when_it_is_back(
    refused: Refusals,
    kept: KeptAccess,
    clock: Moving,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    async def away(*_: object) -> int:
        raise PlatformError(ErrorCode.UNAVAILABLE, "the store is away")

    monkeypatch.setattr(refusals, "_AGAIN_S", 0.01)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(kept, "told", away)
        for _ in range(3):
            refused.count("192.0.2.1", Action.LOG_IN, "token")
            await asyncio.sleep(0.05)
            clock.moment += timedelta(minutes=50)
    (entry,) = await waited_for(kept, 1)

    assert "the store is away" in caplog.text
    assert entry.reason.startswith("3 times")


async def test_what_comes_while_another_one_is_written_is_kept_at_the_end(
    refused: Refusals, kept: KeptAccess
):
    refused.count("192.0.2.1", Action.LOG_IN, "token")
    await asyncio.sleep(0)  # the first one is being written
    refused.count("192.0.2.1", Action.LOG_IN, "token")
    await refused.close()
    (entry,) = await entries(kept)

    assert entry.reason.startswith("2 times")
