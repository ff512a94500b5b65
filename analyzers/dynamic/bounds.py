"""How much one tool may ask of an app, and how much of the rest a report names."""

import time
from dataclasses import dataclass, field

from analyzers.dynamic.options import scan_options
from analyzers.runtime.tool import ToolRun
from contract.analysis import Skipped

MAX_SAMPLED = 50


@dataclass(slots=True)
class Budget:
    """The requests and the time that one tool may spend on an app."""

    max_requests: int = 2_000
    limit_s: float = 120.0
    started: float = field(default_factory=time.monotonic)
    spent: int = 0

    def refusal(self) -> str:
        """Why no further request is made; empty while one may be made."""
        if self.spent >= self.max_requests:
            return f"request budget of {self.max_requests} spent"
        if time.monotonic() - self.started > self.limit_s:
            return f"time budget of {self.limit_s:g} s spent"
        return ""

    def allows_wait(self, pause_s: float) -> bool:
        """Whether time is left after a wait."""
        return time.monotonic() - self.started + pause_s < self.limit_s


def sampled(rows: list[Skipped]) -> tuple[Skipped, ...]:
    """At most 50 of `rows`, with each reason among them."""
    firsts = {row.reason: row for row in reversed(rows)}
    return tuple(sorted(rows, key=lambda row: firsts[row.reason] is not row)[:MAX_SAMPLED])


def budget_of(run: ToolRun, tool: str) -> Budget:
    """The budget of `tool` for one target; options `max_requests` and `<tool>_limit_s`.

    Raises:
        ToolFault: a wrong option.
    """
    requests = scan_options(run.request).max_requests
    return Budget(max_requests=requests, limit_s=limit_of(run, tool))


def limit_of(run: ToolRun, tool: str) -> float:
    """Seconds of the option `<tool>_limit_s`, within the subtask's own time.

    Raises:
        ToolFault: a wrong option.
    """
    return min(scan_options(run.request).limit_s(tool), run.request.deadline_s * 0.6)
