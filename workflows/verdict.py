"""Whose an app's death is: pure counting, from what was seen of it and how often it was seen.

The third part of the table of blame, after the engine's (what ended a process) and the analyzers'
(what a tool saw): what it means that it ended just then.
"""

from collections import Counter

from contract.analysis import MeasurementState
from contract.blame import Row
from contract.running import AppCheck
from workflows import policies

_APP = MeasurementState.APP_FAILED
_NOBODY = MeasurementState.MEASURED
_PLATFORM = MeasurementState.INFRA_FAILED

WAITED = Row(
    key="died-while-waiting",
    seen="the app ended, was killed or was removed while its measurement waited for a slot, for a"
    " free analyzer or for another load test",
    state=_NOBODY,
    because="nothing was asked of it, so its death says nothing of the measurement",
    again="started anew; the measurement takes its turn again and uses up no attempt",
)
WAITED_AGAIN = Row(
    key="dies-each-time-it-waits",
    seen="the app ended by itself three times while nothing was asked of it",
    state=_APP,
    because="an app that ends without being used would end on any platform",
    again="started anew twice before that",
)
TAKEN = Row(
    key="taken-under-measurement",
    seen="the platform, or somebody's hand, took the app away under a measurement or its start",
    state=_NOBODY,
    because="what is done to an app from outside is no fault of it",
    again="started anew and measured anew; after eight starts its cells are infra_failed",
)
KILLED = Row(
    key="killed-under-measurement",
    seen="SIGKILL or SIGTERM ended the app under a measurement or its start, with neither a memory"
    " limit nor a sender on record",
    state=_NOBODY,
    because="it may have been somebody's hand",
    again="started anew and measured once more",
)
KILLED_AGAIN = Row(
    key="killed-again",
    seen="such a kill came a second time in the same place",
    state=_APP,
    because="what comes again just there is the app's own doing",
    again="measured once more before that",
)
DIED = Row(
    key="died-under-measurement",
    seen="the app ended by itself, or at its memory limit, under a measurement or right after its"
    " start",
    state=_APP,
    because="an exit proves a death, and it came from what an app must bear",
)
SILENT_BEFORE = Row(
    key="silent-before-measurement",
    seen="the app runs unchanged and gave no answer before a measurement, on a host too busy to"
    " tell why",
    state=_PLATFORM,
    because="slow is not dead, and what does not answer cannot be measured",
    again="asked again after 20 s and after 60 s, each time for minutes",
)
SILENT_AFTER = Row(
    key="silent-after-measurement",
    seen="the app runs unchanged and gave no answer after a measurement",
    state=_NOBODY,
    because="the measurement was made of an app that runs; silence alone voids nothing",
    again="asked again after 20 s and after 60 s; a death or a proven hang then counts",
)
ROWS = (
    WAITED,
    WAITED_AGAIN,
    TAKEN,
    KILLED,
    KILLED_AGAIN,
    DIED,
    SILENT_BEFORE,
    SILENT_AFTER,
)


class Verdicts:
    """The deaths of one app, over all its lives."""

    def __init__(self) -> None:
        self._kills: Counter[str] = Counter()
        self._unwatched = 0

    def under(self, check: AppCheck, key: str) -> Row:
        """What an app that is not alive under or after the measurement or start `key` is."""
        if check.silent:
            return SILENT_AFTER
        if check.taken:
            return TAKEN
        if not check.killed:
            return DIED
        self._kills[key] += 1
        return KILLED if self._kills[key] <= policies.KILLS_FORGIVEN else KILLED_AGAIN

    def unwatched(self, check: AppCheck) -> Row:
        """What a death is while its measurement waited."""
        if check.taken or check.killed:
            return WAITED
        self._unwatched += 1
        forgiven = self._unwatched <= policies.UNWATCHED_DEATHS_FORGIVEN
        return WAITED if forgiven else WAITED_AGAIN


def is_apps(row: Row) -> bool:
    """Whether it is the app's own fault."""
    return row.state is _APP
