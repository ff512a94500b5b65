"""Counts what failed to get in, so that nobody tries for long."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from contract.errors import ErrorCode, PlatformError

TRIES = 10
WINDOW_S = 300.0
_ADDRESSES = 10_000


class Tries:
    """At most ten wrong tokens in five minutes from one address; remembered in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def require_some_left(self, address: str) -> None:
        """Let the address try once more.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED: it has to wait.
        """
        failed = self._failed.get(address)
        if failed is None:
            return
        now = self._clock()
        while failed and now - failed[0] > WINDOW_S:
            failed.popleft()
        if len(failed) >= TRIES:
            wait_s = WINDOW_S - (now - failed[0])
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED,
                f"{TRIES} wrong tokens came from {address}",
                next_step=f"try again in {wait_s / 60:.0f} minutes",
                retry_after_s=wait_s,
            )

    def failed(self, address: str) -> None:
        """Remember that something from this address was wrong."""
        self._failed.setdefault(address, deque(maxlen=TRIES)).append(self._clock())
        self._failed.move_to_end(address)
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)
