"""Counts what failed to get in, so that nobody tries for long."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from contract.errors import ErrorCode, PlatformError

TRIES = 10
WINDOW_S = 300.0
_ADDRESSES = 10_000


class Tries:
    """At most ten wrong tokens in five minutes from one address; remembered in this process.

    Nobody is locked out by somebody else's: a right token is not counted, whatever came before.
    `told` gets the address of each wrong one, also of those that have to wait.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._told = told
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Remember that a token from this address was wrong.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED: there were too many; it has to wait.
        """
        self._told(address)
        failed, now = self._failed.setdefault(address, deque(maxlen=TRIES)), self._clock()
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
        failed.append(now)
        self._failed.move_to_end(address)
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)
