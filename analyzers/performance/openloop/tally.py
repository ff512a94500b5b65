"""Counts of one step: errors by kind, bytes, and the HDR histogram of the latencies."""

import asyncio
from collections import Counter

import aiohttp
from hdrh.histogram import HdrHistogram

from analyzers.performance.openloop.plan import Latency, Objective, StepResult

_MAX_US = 120_000_000
LATE_S = 0.02


class BodyTooLarge(Exception):
    """An answer that does not end within the plan's limit."""


def error_kind(error: BaseException) -> str:
    """Short name of a transport error, the same for every run."""
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "refused"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "disconnected"
    if isinstance(error, BodyTooLarge):
        return "body_too_large"
    return type(error).__name__


class Tally:
    """Mutable counts of one step."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.sent = 0
        self.completed = 0
        self.late = 0
        self.bytes_received = 0
        self.errors: Counter[str] = Counter()
        self.broke = ""
        self._histogram = HdrHistogram(1, _MAX_US, 3)

    def answered(self, status: int, latency_s: float, body_bytes: int) -> None:
        """A complete answer: only a 2xx is a success, only a success enters the histogram."""
        self.bytes_received += body_bytes
        if 200 <= status < 300:
            self.completed += 1
            self._record(latency_s)
        else:
            self.errors[f"http_{status}"] += 1

    def failed(self, kind: str, latency_s: float) -> None:
        """No answer. A time-out keeps its (censored) time: left out, it would flatter the app."""
        self.errors[kind] += 1
        if kind == "timeout":
            self._record(latency_s)

    def result(self, objective: Objective, window_s: float, in_window: int) -> StepResult:
        """The step as a value, judged against `objective`."""
        step = StepResult(
            rate=self.rate,
            sent=self.sent,
            completed=self.completed,
            completed_in_window=in_window,
            errors=dict(self.errors),
            late=self.late,
            window_s=window_s,
            bytes_received=self.bytes_received,
            latency=self._latency(),
            histogram=self._histogram.encode().decode("ascii"),
        )
        return step.model_copy(update={"broke": self.broke or _broke(step, objective)})

    def _record(self, latency_s: float) -> None:
        self._histogram.record_value(min(max(int(latency_s * 1e6), 1), _MAX_US))

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
            mean=round(histogram.get_mean_value() / 1e3, 3),
        )


def _broke(step: StepResult, objective: Objective) -> str:
    if step.latency is None:
        return "no request completed"
    if step.error_ratio > objective.max_error_ratio:
        return f"error ratio {step.error_ratio:.3f} above {objective.max_error_ratio}"
    if step.latency.p95 > objective.p95_ms:
        return f"p95 {step.latency.p95:.0f} ms above {objective.p95_ms:.0f} ms"
    return ""
