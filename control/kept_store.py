"""Stores that stay open: for a process that asks many questions, one connection pool for all."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from store.results import SqlResultStore

Answer = TypeVar("Answer")


class KeptStores:
    """The open stores of one process, by URL; each is opened by its first question.

    A store whose file was replaced or whose server restarted is connected anew by itself. All
    questions come from one event loop.
    """

    def __init__(self) -> None:
        self._open: dict[str, SqlResultStore] = {}

    async def ask(
        self, url: str, question: Callable[[SqlResultStore], Awaitable[Answer]]
    ) -> Answer:
        """The answer of the store at `url`."""
        if url not in self._open:
            self._open[url] = SqlResultStore.from_url(url)
        return await question(self._open[url])

    async def close(self) -> None:
        """Close every connection; a later question opens them anew."""
        while self._open:
            _, store = self._open.popitem()
            await store.close()


async def ask_once(url: str, question: Callable[[SqlResultStore], Awaitable[Answer]]) -> Answer:
    """The answer of the store at `url`, which is opened for this question alone."""
    store = SqlResultStore.from_url(url)
    try:
        return await question(store)
    finally:
        await store.close()
