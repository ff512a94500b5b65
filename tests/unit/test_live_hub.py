"""What is kept and brought up to date for those who look at pipelines, and what makes room."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from contract.errors import ErrorCode, PlatformError
from contract.progress import PipelinePhase
from control.live_documents import LivePipeline
from control.watching import Watcher
from dashboard.live.document import Document
from dashboard.live.hub import Channel, Hub

SEEN = LivePipeline.model_validate(
    {"pipeline_id": "p", "phase": PipelinePhase.RUNNING, "state": "running", "told_by": "server"}
)


class Looks:
    """A pipeline that looks different at each look; or that nobody can read."""

    def __init__(self) -> None:
        self.id = "p"
        self.finished = iter(range(10**6))
        self.fault: PlatformError | None = None

    async def look(self) -> LivePipeline:
        if self.fault:
            raise self.fault
        return SEEN.model_copy(update={"finished": next(self.finished)})


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look all the time."""
    for name in ("EVERY_S", "_PAUSE_S", "_AWAY_S"):
        monkeypatch.setattr(f"dashboard.live.hub.{name}", 0.0)
    yield


def channel_of(looks: Looks) -> Channel:
    return Channel(cast(Watcher, looks))


def made(_: Any) -> Document:
    return Document()


async def looked(channel: Channel, times: int) -> None:
    until = channel.looks + times
    async with asyncio.timeout(10):
        while channel.looks < until:
            await asyncio.sleep(0.001)


async def test_a_view_that_nobody_follows_is_made_anew_when_somebody_comes() -> None:
    channel = channel_of(Looks())
    followed, left = [await channel.view(name, made) for name in ("followed", "left")]
    async with channel.watched(followed):
        await looked(channel, 3)
        versions = left.changes.version, followed.changes.version
        again = await channel.view("left", made)
        news = left.changes.version
    await asyncio.wait(channel.tasks)

    assert again is left
    assert versions[0] == 1
    assert versions[1] > 2
    assert news == 2


async def test_views_that_nobody_follows_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.live.hub._VIEWS_MAX", 2)
    channel = channel_of(Looks())
    one, two = [await channel.view(name, made) for name in (1, 2)]
    async with channel.watched(one):
        for name in range(3, 9):
            await channel.view(name, made)
        assert await channel.view(1, made) is one
        async with channel.watched(two):  # it came too late for its place, and is told all the same
            version = two.changes.version
            await looked(channel, 2)
            assert two.changes.version > version
            three = await channel.view(3, made)
            async with channel.watched(three):
                with pytest.raises(PlatformError) as refused:
                    await channel.view(4, made)
    await asyncio.wait(channel.tasks)

    assert refused.value.code is ErrorCode.RESOURCE_EXHAUSTED


async def test_pipelines_that_nobody_follows_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.live.hub._PIPELINES_MAX", 2)
    hub = Hub(lambda _: cast(Watcher, Looks()))
    one = hub.channel("1")
    async with one.watched(await one.view("", made)):
        for number in range(2, 6):
            await hub.channel(str(number)).view("", made)
        assert hub.channel("1") is one
        other = hub.channel("5")
        async with other.watched(await other.view("", made)):
            with pytest.raises(PlatformError, match="too many different pipelines") as refused:
                hub.channel("6")
    assert refused.value.retry_after_s
    await hub.settled()


async def test_what_is_repeated_says_of_when_it_is() -> None:
    looks = Looks()
    channel = channel_of(looks)
    await channel.view("", made)
    looks.fault = PlatformError(ErrorCode.UNAVAILABLE, "the store is gone")
    await channel.view("", made)
    first = channel.seen
    channel.poke()
    await channel.view("", made)

    assert first is not None
    assert channel.seen is not None
    assert first.away == "the store is gone"
    assert first.away_since is not None
    assert channel.seen.away_since == first.away_since
