"""The input and output of the open-loop generator: two JSON files per run."""

from typing import Annotated

from pydantic import Field

from analyzers.performance.host import MAX_LATE_RATIO
from analyzers.performance.openloop.limits import RateLimit
from contract.base import Frozen

# A percentile of fewer samples is really the maximum.
_SAMPLES_NEEDED = {"p90": 10, "p95": 20, "p99": 100}


def unknown_percentiles(samples: int) -> dict[str, int]:
    """Percentiles for which there are too few samples, and how many each needs.

    >>> unknown_percentiles(50)
    {'p99': 100}
    """
    return {name: needed for name, needed in _SAMPLES_NEEDED.items() if samples < needed}


class Objective(Frozen):
    """What an operation must hold at a given arrival rate.

    Attributes:
        p95_ms: 95th percentile of the latency, measured from the intended send time.
        max_error_ratio: errors among requests sent. Every answer but a 2xx is an error, except a
            429: it says what the app allows, not what it can do.
    """

    p95_ms: Annotated[float, Field(gt=0)] = 500.0
    max_error_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.01


class LoadPlan(Frozen):
    """One series: one operation, a discarded warm-up, then steps of rising arrival rate.

    Between the fastest rate that held and the slowest that did not, further steps halve the gap.

    Attributes:
        url: absolute; redirects are not followed.
        headers: sent with every request.
        rates: arrivals per second of each step, in the order they are run.
        step_s: length of a step.
        warmup_s: length of the warm-up at the first step's rate.
        timeout_s: after this a request counts as an error and keeps its time in the histogram.
        max_in_flight: a step ends (objective broken) when this many requests are unanswered.
        max_body_bytes: a longer body counts as an error.
        resolution: the gap is narrow enough when the broken rate exceeds the held one by at most
            this share.
        refine_steps: at most this many further steps, also below the lowest rate if none held.
    """

    url: str
    headers: dict[str, str] = {}
    rates: Annotated[tuple[Annotated[float, Field(gt=0, le=5_000)], ...], Field(min_length=1)]
    step_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    warmup_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_body_bytes: Annotated[int, Field(ge=1)] = 10_000_000
    objective: Objective = Objective()
    resolution: Annotated[float, Field(gt=0, le=10)] = 0.1
    refine_steps: Annotated[int, Field(ge=0, le=20)] = 4

    @property
    def limit_s(self) -> float:
        """The longest possible time of a series: it also waits before a further step."""
        steps_s = len(self.rates) * (self.step_s + self.timeout_s)
        refined_s = self.refine_steps * (self.step_s + 2 * self.timeout_s)
        return self.warmup_s + self.timeout_s + steps_s + refined_s + 15.0


class Latency(Frozen):
    """Percentiles in milliseconds, from an HDR histogram with three significant digits."""

    samples: int
    p50: float
    p90: float
    p95: float
    p99: float
    max: float
    mean: float

    def known(self) -> dict[str, float]:
        """Figures by name, without percentiles for which there are too few samples."""
        unknown = unknown_percentiles(self.samples)
        return self.model_dump(exclude={"samples", *unknown})


class StepResult(Frozen):
    """One step at one arrival rate.

    Attributes:
        sent: requests that left; `completed`: 2xx answers; `limited`: 429 answers; `errors`: the
            others by kind.
        completed_in_window: 2xx answers that came before the last request was sent.
        late: requests that the generator sent more than 20 ms after they were due.
        window_s: how long requests arrived, without the wait for the last answers.
        throughput: 2xx answers per second while requests arrived, see `tally.answered_per_s`.
        bytes_received: of bodies, as they were sent (compressed, where the app compresses).
        latency: of 2xx answers and, censored at the limit, of time-outs; None without any.
        broke: why the objective did not hold; empty when it held.
        pressure: CPU pressure of the host during the step; None where the kernel has none.
        histogram: base64 of the compressed HDR histogram, in microseconds.
    """

    rate: float
    sent: int
    completed: int
    completed_in_window: int
    limited: int = 0
    errors: dict[str, int] = {}
    late: int = 0
    window_s: float
    throughput: float = 0.0
    bytes_received: int = 0
    latency: Latency | None = None
    broke: str = ""
    pressure: float | None = None
    histogram: str = ""

    @property
    def error_ratio(self) -> float:
        """Requests without a 2xx answer among those sent, not counting 429 answers."""
        judged = self.sent - self.limited
        if not judged:
            return 0.0 if self.limited else 1.0
        return 1 - self.completed / judged

    @property
    def late_ratio(self) -> float:
        """Share of requests sent late: above a few percent the host was too busy."""
        return self.late / self.sent if self.sent else 0.0

    @property
    def generator_gave_out(self) -> bool:
        """The objective broke while our own requests were late: no verdict on the app.

        HTTP errors count as errors all the same.
        """
        answered_with_errors = any(kind.startswith("http_") for kind in self.errors)
        return bool(self.broke) and not answered_with_errors and self.late_ratio > MAX_LATE_RATIO


class LoadResult(Frozen):
    """A whole series.

    Attributes:
        steps: in the order they ran: rising until one broke, then those that narrow the gap.
        requests: all requests sent, warm-up included.
        resent: requests sent again because a kept connection had been closed while idle.
        cpu_s: processor time of the generator itself.
        limit: how the app limited us, which ended the series; None where it did not.
        died: only broken connections, ten times and for a second, without an answer between.
        last_answer_s: when the last answer came, from the start of the warm-up.
        requests_by_then: how many requests had been sent by then.
    """

    url: str
    steps: tuple[StepResult, ...]
    requests: int
    resent: int = 0
    cpu_s: float = 0.0
    limit: RateLimit | None = None
    died: bool = False
    last_answer_s: float = 0.0
    requests_by_then: int = 0

    @property
    def at_objective(self) -> StepResult | None:
        """The fastest step that held the objective."""
        held = [step for step in self.steps if not step.broke]
        return max(held, key=lambda step: step.rate, default=None)

    @property
    def broken(self) -> StepResult | None:
        """The slowest step that did not hold it and is faster than all that did."""
        floor = self.at_objective.rate if self.at_objective else 0.0
        broken = [step for step in self.steps if step.broke and step.rate > floor]
        return min(broken, key=lambda step: step.rate, default=None)

    @property
    def chosen(self) -> StepResult:
        """The step that represents the operation: at the objective, or the slowest if none held."""
        return self.at_objective or min(self.steps, key=lambda step: step.rate)

    @property
    def censored(self) -> bool:
        """Whether the series ended for a reason of ours: the app may bear more than was tried."""
        broken = self.broken
        return broken is None or self.limit is not None or broken.generator_gave_out


class Calibration(Frozen):
    """The limits of this host: our own server, loaded by the generator of the app's test.

    Attributes:
        series: the plan's rates in short steps.
        ceiling: answers per second when many clients ask as fast as they can.
    """

    series: LoadResult
    ceiling: float

    @property
    def best(self) -> StepResult | None:
        """The fastest step that held the objective and whose requests were sent in time."""
        held = [
            step
            for step in self.series.steps
            if not step.broke and step.late_ratio <= MAX_LATE_RATIO
        ]
        return max(held, key=lambda step: step.rate, default=None)
