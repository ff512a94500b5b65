"""The connection that all requests share."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client

from control.errors import ServerAwayError
from dashboard.server import Server

CLIENT = cast("Client", object())


class Silent:
    """A server that takes a connection and says nothing until it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.awake = asyncio.Event()

    async def __call__(self) -> Client:
        self.asked += 1
        await self.awake.wait()
        return CLIENT


async def answers(server: Server, times: int) -> list[Any]:
    async with asyncio.timeout(10):
        asking = [server.client() for _ in range(times)]
        return await asyncio.gather(*asking, return_exceptions=True)


async def test_one_that_says_nothing_is_given_up_by_all_at_once():
    silent = Silent()
    server = Server(silent, patience_s=0.01)
    found = await answers(server, 50)

    assert {type(each) for each in found} == {ServerAwayError}
    assert silent.asked == 1

    silent.awake.set()
    assert await answers(server, 2) == [CLIENT, CLIENT]
    assert silent.asked == 2
    await server.close()


async def test_who_gives_up_takes_it_from_nobody():
    silent = Silent()
    server = Server(silent)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await server.client()
    silent.awake.set()

    assert await answers(server, 1) == [CLIENT]
    assert silent.asked == 1
    await server.close()


async def test_the_end_waits_for_nobody():
    server = Server(Silent())
    asking = asyncio.create_task(server.client())
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await server.close()
        assert (await asyncio.wait([asking]))[0] == {asking}
