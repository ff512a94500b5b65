"""The dashboard's one connection to the Temporal server."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from control.errors import ServerAwayError
from dashboard.server import Server


class Temporal:
    """Counts how often one connects; answers when it is opened."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Event()

    async def connect(self) -> Any:
        self.asked += 1
        await self.answers.wait()
        return SimpleNamespace(namespace="default")


async def test_a_server_that_accepts_and_is_silent_is_away_for_all_who_wait_at_once():
    temporal = Temporal()
    server = Server(temporal.connect, patience_s=0.05)

    found = await asyncio.gather(*(server.client() for _ in range(5)), return_exceptions=True)

    assert [type(one) for one in found] == [ServerAwayError] * 5
    assert "does not answer within" in str(found[0])
    assert temporal.asked == 1


async def test_the_server_is_asked_anew_after_it_was_away_and_then_no_more():
    temporal = Temporal()
    server = Server(temporal.connect, patience_s=0.05)
    with pytest.raises(ServerAwayError):
        await server.client()
    temporal.answers.set()

    first, second = await server.client(), await server.client()

    assert first is second and temporal.asked == 2


async def test_who_goes_away_ends_no_attempt_of_others():
    temporal = Temporal()
    server = Server(temporal.connect)
    gone, stays = (asyncio.create_task(server.client()) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    temporal.answers.set()

    assert (await stays).namespace == "default" and temporal.asked == 1


async def test_closing_ends_an_attempt():
    temporal = Temporal()
    server = Server(temporal.connect)
    waits = asyncio.create_task(server.client())
    await asyncio.sleep(0)

    await server.close()

    await asyncio.wait([waits])
    assert waits.cancelled()
