"""A circuit breaker as a pure value: it never sleeps, probes or reads a clock itself.

closed --N consecutive faults, or trip--> open --a good probe--> half_open --success--> closed
                                           ^                        |
                                           +--------- fault --------+
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contract.base import Frozen
from contract.progress import BreakerProgress


class BreakerState(StrEnum):
    """`half_open`: work may pass again; the first outcome decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker(Frozen):
    """Counts consecutive platform faults of one thing. Every method answers with the next value.

    Attributes:
        failures: consecutive faults since the last success.
        opened_at_s: when this outage began (workflow time, seconds); None while closed. An outage
            lasts until a success, so that waiting for it can be limited as a whole.
    """

    name: str
    threshold: Annotated[int, Field(ge=1)]
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    reason: str = ""
    opened_at_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether work must not pass."""
        return self.state is BreakerState.OPEN

    def fault(self, reason: str, now_s: float) -> "CircuitBreaker":
        """One more platform fault; in half-open state one is enough to open again."""
        failures = self.failures + 1
        if self.state is BreakerState.CLOSED and failures < self.threshold:
            return self.model_copy(update={"failures": failures, "reason": reason})
        return self._opened(failures, reason, now_s)

    def trip(self, reason: str, now_s: float) -> "CircuitBreaker":
        """Open at once: a failed health probe leaves no doubt to count on."""
        return self._opened(max(self.failures, 1), reason, now_s)

    def success(self) -> "CircuitBreaker":
        """Work got through. An open breaker stays open: that work began before the outage."""
        return self if self.is_open else self.reset()

    def probe_ok(self) -> "CircuitBreaker":
        """A health probe passed: an open breaker lets work try again."""
        if not self.is_open:
            return self
        return self.model_copy(update={"state": BreakerState.HALF_OPEN})

    def reset(self) -> "CircuitBreaker":
        """Closed and without memory, as a person may demand at any time."""
        return CircuitBreaker(name=self.name, threshold=self.threshold)

    def waited_s(self, now_s: float) -> float:
        """Seconds since the outage began; 0 while closed."""
        return 0.0 if self.opened_at_s is None else max(0.0, now_s - self.opened_at_s)

    def progress(self) -> BreakerProgress:
        """What people see."""
        return BreakerProgress(
            name=self.name, state=self.state, failures=self.failures, reason=self.reason
        )

    def _opened(self, failures: int, reason: str, now_s: float) -> "CircuitBreaker":
        began_s = now_s if self.opened_at_s is None else self.opened_at_s
        return self.model_copy(
            update={
                "state": BreakerState.OPEN,
                "failures": failures,
                "reason": reason,
                "opened_at_s": began_s,
            }
        )
