"""Whose an app's death is: pure counting, from what was seen of it and how often it was seen."""

from collections import Counter

from contract.running import AppCheck
from workflows import policies


class Verdicts:
    """The deaths of one app, over all its lives.

    What the platform took away is never the app's. A kill without an out-of-memory record may be
    somebody's hand, so it counts only when it comes again in the same place. A death that nobody
    looked at (the app waited in a queue) proves nothing of the measurement it waited for; an app
    that ends by itself each time it waits would do so anywhere.
    """

    def __init__(self) -> None:
        self._kills: Counter[str] = Counter()
        self._unwatched = 0

    def is_apps(self, check: AppCheck, during: str) -> bool:
        """Whether a death `during` a measurement, or its start, is the app's own."""
        if check.taken:
            return False
        if check.killed:
            self._kills[during] += 1
            return self._kills[during] > policies.KILLS_FORGIVEN
        return True

    def is_apps_unwatched(self, check: AppCheck) -> bool:
        """Whether a death while it waited, after others like it, is the app's own."""
        if check.taken or check.killed:
            return False
        self._unwatched += 1
        return self._unwatched > policies.UNWATCHED_DEATHS_FORGIVEN

    @property
    def unwatched(self) -> int:
        """How often it ended by itself while nothing was asked of it."""
        return self._unwatched
