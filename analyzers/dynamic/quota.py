"""The quota that an app grants its clients: when to ask again, and how to report it."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from analyzers.runtime.live.answers import Reply, retry_after_s

FIRST_PAUSE_S = 5.0  # where the app does not say when
LONGEST_PAUSE_S = 30.0
EVERYTHING = "*"


@dataclass(slots=True)
class Quota:
    """Shared by everything that asks one target.

    Attributes:
        until: path -> when it may be asked again, on the monotonic clock; `*` for all paths.
        answered: answers before and after the first one that the quota refused.
        refused: answers that the quota refused.
        first: number of answers before the first refusal; None: there was none.
        answer_text: the status and the wait that the app answered with.
        waited_s: seconds all requests together waited.
    """

    until: dict[str, float] = field(default_factory=dict)
    answered: int = 0
    refused: int = 0
    first: int | None = None
    answer_text: str = ""
    waited_s: float = 0.0
    _streak: dict[str, int] = field(default_factory=dict)

    def pause_s(self, path: str) -> float:
        """Seconds until `path` may be asked again; zero where it may be asked now."""
        now = time.monotonic()
        return max(0.0, *(self.until.get(key, 0.0) - now for key in (path, EVERYTHING)))

    def granted(self, path: str) -> None:
        """Note an answer within the quota."""
        self.answered += 1
        self._streak.pop(path, None)

    def spent(self, path: str, reply: Reply) -> None:
        """Note a refusal: of one path at first, of everything when a second path is refused."""
        self.refused += 1
        self.first = self.answered if self.first is None else self.first
        streak = self._streak[path] = self._streak.get(path, 0) + 1
        named = retry_after_s(reply, datetime.now(UTC))
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * streak) if named is None else named + 0.1
        self.answer_text = f"{reply.status}" + (
            f", Retry-After {named:g} s" if named is not None else ""
        )
        others = [key for key in self._streak if key != path]
        self.until[EVERYTHING if others else path] = time.monotonic() + pause_s

    def notes(self, service: str) -> list[str]:
        """The limit as a result, in one line; empty where none was met."""
        if self.first is None:
            return []
        text = f"{service}: rate limited ({self.answer_text}) after {self.first} answers"
        return [f"{text}; {self.refused} refused, waited {self.waited_s:.0f} s for the quota"]

    def data(self) -> dict[str, float | str] | None:
        """The limit for the report's data; None where none was met."""
        if self.first is None:
            return None
        return {
            "told": self.answer_text,
            "answered_before": self.first,
            "refused": self.refused,
            "waited_s": round(self.waited_s, 1),
        }
