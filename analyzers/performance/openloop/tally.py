"""Counts of one step: errors by kind, bytes, times and durations of answers."""

import asyncio
from bisect import bisect_left
from collections import Counter

import aiohttp
from hdrh.histogram import HdrHistogram

from analyzers.performance.openloop.limits import TOO_MANY
from analyzers.performance.openloop.plan import Latency, Objective, StepResult
from analyzers.performance.openloop.sender import BodyTooLarge, Disconnected

_MAX_US = 120_000_000
LATE_S = 0.02
# The first share of a step is its run-up: queues fill, connections are opened.
_RUN_UP = 5
_RUN_UP_FROM = 10
# p95: one answer in twenty may take longer.
_BEYOND_P95 = 0.05


def error_kind(error: BaseException) -> str:
    """Short name of a transport error, the same for every run."""
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "refused"
    if isinstance(error, Disconnected | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "disconnected"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "cut_short"
    if isinstance(error, BodyTooLarge):
        return "body_too_large"
    return type(error).__name__


def answered_per_s(
    came_s: list[float], rate: float, sent: int, window_s: float, shortest_s: float
) -> float:
    """Answers per second while requests kept arriving; never more than were sent.

    An answer cannot come sooner than the app's shortest latency after its request, so the window of
    answers is the window of arrivals, shifted by that time. Answers after it are a backlog: work
    that the app did when nobody asked any more. The edges lie between two arrivals, so that a
    little jitter moves no answer across.

    Args:
        came_s: when successful answers were complete, from the start of the step, rising.
        rate: arrivals per second.
        sent: how many requests arrived.
        window_s: how long they arrived.
        shortest_s: the shortest latency of a successful answer.
    """
    if not came_s or window_s <= 0 or not sent:
        return 0.0
    skipped = sent // _RUN_UP if sent >= _RUN_UP_FROM else 0
    start = shortest_s + (skipped - 0.5) / rate
    end = shortest_s + window_s - 0.5 / rate
    if end <= start:
        return 0.0
    answers = bisect_left(came_s, end) - bisect_left(came_s, start)
    return min(answers / (end - start), sent / window_s)


class Tally:
    """Mutable counts of one step.

    Attributes:
        limited: answers 429: the app's own limit on clients, neither a success nor an error.
    """

    def __init__(self, rate: float, objective: Objective) -> None:
        self.rate = rate
        self._objective = objective
        self.sent = 0
        self.completed = 0
        self.limited = 0
        self.late = 0
        self.bytes_received = 0
        self.errors: Counter[str] = Counter()
        self.broke = ""
        self._came_s: list[float] = []
        self._shortest_s = float("inf")
        self._histogram = HdrHistogram(1, _MAX_US, 3)
        self._sum_us = 0
        self._slow = 0

    def answered(self, status: int, latency_s: float, body_bytes: int, came_s: float) -> None:
        """A complete answer: only a 2xx is a success, and only a success enters the histogram."""
        self.bytes_received += body_bytes
        if 200 <= status < 300:
            self.completed += 1
            self._came_s.append(came_s)
            self._shortest_s = min(self._shortest_s, latency_s)
            self._record(latency_s)
        elif status == TOO_MANY:
            self.limited += 1
        else:
            self.errors[f"http_{status}"] += 1

    def failed(self, kind: str, latency_s: float) -> None:
        """No answer. A time-out keeps its (censored) time: without it the app would look better."""
        self.errors[kind] += 1
        if kind == "timeout":
            self._record(latency_s)

    def hopeless(self, planned: int) -> str:
        """Why the step will not hold, however its other requests end; empty while it still may.

        Going on would only add to a backlog that delays the next step.
        """
        if self._slow > planned * _BEYOND_P95:
            return f"more than 5% of the answers took longer than {self._objective.p95_ms:.0f} ms"
        failed = self.errors.total()
        if failed > planned * self._objective.max_error_ratio:
            kinds = ", ".join(f"{kind} {count}x" for kind, count in self.errors.most_common(3))
            return f"{failed} of the first {self.sent} requests failed ({kinds})"
        return ""

    def result(self, window_s: float) -> StepResult:
        """The step as a value, judged against the objective."""
        came_s = sorted(self._came_s)
        per_s = answered_per_s(came_s, self.rate, self.sent, window_s, self._shortest_s)
        step = StepResult(
            rate=self.rate,
            sent=self.sent,
            completed=self.completed,
            completed_in_window=bisect_left(came_s, window_s),
            limited=self.limited,
            errors=dict(self.errors),
            late=self.late,
            window_s=window_s,
            throughput=per_s,
            bytes_received=self.bytes_received,
            latency=self._latency(),
            histogram=self._histogram.encode().decode("ascii"),
        )
        return step.model_copy(update={"broke": self.broke or _broke(step, self._objective)})

    def _record(self, latency_s: float) -> None:
        self._slow += latency_s * 1000 > self._objective.p95_ms
        value_us = min(max(int(latency_s * 1e6), 1), _MAX_US)
        self._histogram.record_value(value_us)
        self._sum_us += value_us

    def _latency(self) -> Latency | None:
        histogram = self._histogram
        samples = histogram.get_total_count()
        if samples == 0:
            return None
        p50, p90, p95, p99 = (
            round(histogram.get_value_at_percentile(rank) / 1e3, 3) for rank in (50, 90, 95, 99)
        )
        return Latency(
            samples=samples,
            p50=p50,
            p90=p90,
            p95=p95,
            p99=p99,
            max=round(histogram.get_max_value() / 1e3, 3),
            mean=round(self._sum_us / samples / 1e3, 3),  # the histogram would walk all its counts
        )


def _broke(step: StepResult, objective: Objective) -> str:
    if step.limited:
        return f"rate limit: {step.limited} of {step.sent} requests were answered 429"
    if step.latency is None:
        return "no request completed"
    if step.error_ratio > objective.max_error_ratio:
        return f"error ratio {step.error_ratio:.3f} above {objective.max_error_ratio}"
    if step.latency.p95 > objective.p95_ms:
        return f"p95 {step.latency.p95:.0f} ms above {objective.p95_ms:.0f} ms"
    return ""
