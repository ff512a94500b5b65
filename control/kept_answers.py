"""Answers of a store that take long are kept for a while, and asked for once for all who wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from store.results import SqlResultStore

Answer = TypeVar("Answer")
_FREE_S, _TIMES, _MOST_S = 0.1, 20.0, 60.0
_MOST = 200


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: Any = None
    at: datetime | None = None
    until: float = 0.0


_KEPT: WeakKeyDictionary[SqlResultStore, dict[str, _Kept]] = WeakKeyDictionary()


async def kept_answer(
    store: SqlResultStore, name: str, ask: Callable[[], Awaitable[Answer]]
) -> tuple[Answer, datetime]:
    """The answer, and the moment that it is of.

    One that took more than 0.1 s is kept for twenty times as long as it took, a minute at most, as
    long as the store stays open.

    Args:
        store: that is asked.
        name: of the question.
        ask: asks it.

    Raises:
        PlatformError: as `ask`.
    """
    answers = _KEPT.setdefault(store, {})
    if len(answers) > _MOST:
        answers.clear()
    kept = answers.setdefault(name, _Kept())
    async with kept.lock:
        if kept.at is not None and time.monotonic() < kept.until:
            return kept.answer, kept.at
        began, at = time.monotonic(), datetime.now(UTC)
        answer = await ask()
        took_s = time.monotonic() - began
        if took_s > _FREE_S:
            kept.answer, kept.at = answer, at
            kept.until = time.monotonic() + min(took_s * _TIMES, _MOST_S)
        return answer, at
