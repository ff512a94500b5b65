"""One lock for each name, for as long as somebody uses it."""

import asyncio
from weakref import WeakValueDictionary


class NamedLocks:
    """Locks by name. Names come with every app: a lock that nobody holds or awaits is gone."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, name: str) -> asyncio.Lock:
        """The lock of `name`: use it as `async with locks.of(name)`."""
        return self._locks.setdefault(name, asyncio.Lock())
