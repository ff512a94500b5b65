"""When an answering port counts as the app's: at once where it is named, otherwise after a while.

A splash page may answer first, and the app on another port a moment later. The activity of a
service shows whether more will come: it works, waits for a timer, or runs a program beside its
server.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from clients.docker.activity import Activity, activity
from clients.docker.containers import State
from clients.docker.finding import NO_PAGES, Seen

# How long an unnamed port has to answer where another may open.
_SETTLE_S = 5.0
# For how long, and how often, a service must be seen doing nothing before we expect nothing more.
_IDLE_S = 0.5
_IDLE_LOOKS = 4


@dataclass(slots=True)
class Settling:
    """Decides for the services of one start.

    Attributes:
        local: whether containers' processes run on this host, where we can see them.
    """

    local: bool
    _calm: dict[str, list[Activity]] = field(default_factory=dict[str, list[Activity]])

    async def is_over(
        self, port: int, declared: Mapping[int, str], seen: Seen, state: State
    ) -> bool:
        """Whether `port`, which answers, is the one to measure as far as we can tell."""
        if seen.lasted_s(port) >= _SETTLE_S:
            return True
        if {**seen.direct, **seen.answers}[port].status in NO_PAGES:
            return False
        if port in declared:
            return True
        named, sockets = {*seen.logged, *seen.source}, seen.sockets
        if port in named and not (sockets.known and (named | {*declared}) - {*sockets.outside}):
            return True
        return self.local and bool(state.pid) and await self._is_idle(state)

    async def _is_idle(self, state: State) -> bool:
        """Whether the container has done nothing for a while, and nothing in it is pending."""
        now = await asyncio.to_thread(activity, state.pid)
        looks = self._calm.setdefault(state.id, [])
        if looks and not now.is_calm_since(looks[0]):
            looks.clear()
        looks.append(now)
        return now.at_s - looks[0].at_s >= _IDLE_S and len(looks) >= _IDLE_LOOKS
