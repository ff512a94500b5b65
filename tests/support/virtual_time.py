"""Hours in a moment: an event loop whose clock jumps to its next timer, and clocks that follow it.

Threads are not simulated: work that the code under test gives to a thread is done at once.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
EPOCH_S = 1_700_000_000.0
_STEP_S = 1e-6  # a timer is never missed by a rounding


class _Jumping(selectors.SelectSelector):
    """Never waits: time passes as soon as no task is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        self.now_s += timeout + _STEP_S if timeout > 0 else 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class Clock:
    """Replaces `time` or `datetime` in a module."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.monotonic = now

    def time(self) -> float:
        """Unix time."""
        return EPOCH_S + self.monotonic()

    def now(self, zone: tzinfo = UTC) -> datetime:
        """The same time as a `datetime`."""
        return datetime.fromtimestamp(self.time(), tz=zone)


def run_in_virtual_time(
    monkeypatch: pytest.MonkeyPatch,
    modules: tuple[Any, ...],
    main: Callable[[], Coroutine[Any, Any, T]],
) -> T:
    """Run `main` with `modules` reading the loop's clock instead of the host's."""
    loop = _Loop()
    clock = Clock(loop.time)
    for module in modules:
        for name in ("time", "datetime"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, clock)

    async def in_place(work: Callable[..., T], *args: Any, **more: Any) -> T:
        return work(*args, **more)

    monkeypatch.setattr(asyncio, "to_thread", in_place)
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
