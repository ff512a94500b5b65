"""Knowledge of an app before it is loaded: operations, candidates, and results of a survey."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from analyzers.appsource.route_map import RouteMap
from analyzers.performance.nothing import Kind, Miss, nothing_to_load
from analyzers.performance.probe import WHOLE_S, Answer, ask, follow
from analyzers.performance.routes import Sourced
from analyzers.runtime.tool import NotMeasured
from contract.analysis import Skipped

SURVEY_S = 60.0


@dataclass(frozen=True, slots=True)
class Operation:
    """A GET that answered 2xx; `name` is its name in reports.

    Attributes:
        headers: sent with every request, so that the app serves instead of redirecting to https.
        is_page: whether a browser would show the answer.
    """

    service: str
    base_url: str
    path: str
    name: str
    headers: tuple[tuple[str, str], ...] = ()
    is_page: bool = False

    @property
    def url(self) -> str:
        """Absolute address."""
        return self.base_url + self.path


@dataclass(frozen=True, slots=True)
class Named:
    """Paths that are known before anything is asked, in order of trust.

    Attributes:
        declared: by the template; `sourced`: by the routes in the source.
        hints: guesses; one that does not answer is not counted as missing.
    """

    declared: tuple[str, ...] = ()
    sourced: Sourced = field(default_factory=lambda: Sourced(RouteMap()))
    hints: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """Everything that one survey found, over all targets.

    Attributes:
        reached: whether any connection was made.
        bodies: by path: the service that answered it first, and its answer.
        end: `time.monotonic()` after which no further request is sent.
    """

    single: bool
    operations: list[Operation] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reached: bool = False
    bodies: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    end: float = field(default_factory=lambda: time.monotonic() + SURVEY_S)

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of answers that cannot be loaded."""
        return {miss.kind for miss in self.misses}

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Operations that cannot be loaded, for the coverage."""
        return tuple(Skipped(what=miss.operation, reason=miss.reason) for miss in self.misses)

    def verdict(self, sourced: Sourced) -> NotMeasured:
        """Why there is nothing to load."""
        return nothing_to_load(
            self.misses,
            reached=self.reached,
            only_writes=sourced.only_writes,
            unread=sourced.known.reason,
        )

    async def ask(self, client: httpx.AsyncClient, url: str) -> Answer:
        """One request within the survey's time, redirects not followed."""
        left_s = self.end - time.monotonic()
        if left_s <= 0:
            return Answer(0, error=f"not asked: the survey's {SURVEY_S:g} s were over")
        return self._noted(await ask(client, url, min(left_s, WHOLE_S)))

    async def follow(
        self, client: httpx.AsyncClient, url: str, allowed: Callable[[str], bool]
    ) -> tuple[str, Answer]:
        """The same, following redirects within the origin; returns the last address and its answer.

        A redirect that is not `allowed` is not followed.
        """
        left_s = self.end - time.monotonic()
        if left_s <= 0:
            return url, await self.ask(client, url)
        url, answer = await follow(client, url, min(left_s, WHOLE_S), allowed)
        return url, self._noted(answer)

    def _noted(self, answer: Answer) -> Answer:
        self.reached = self.reached or not answer.unreachable
        return answer
