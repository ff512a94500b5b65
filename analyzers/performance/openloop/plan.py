"""What the open-loop generator is told and what it answers: both are JSON files of one run."""

from typing import Annotated

from pydantic import Field

from contract.base import Frozen


class Objective(Frozen):
    """What an operation must hold at a given arrival rate.

    Attributes:
        p95_ms: 95th percentile of the latency, measured from the intended send time.
        max_error_ratio: errors among requests sent; everything but a 2xx answer is an error.
    """

    p95_ms: Annotated[float, Field(gt=0)] = 500.0
    max_error_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.01


class LoadPlan(Frozen):
    """One series: one operation, a warm-up that is thrown away, then steps of rising arrival rate.

    Attributes:
        url: absolute; redirects are not followed.
        rates: arrivals per second of each step, in the order they are run.
        step_s: length of a step.
        warmup_s: length of the warm-up at the first step's rate.
        timeout_s: after this a request counts as an error and keeps its time in the histogram.
        max_in_flight: a step ends, objective broken, when this many requests are unanswered.
        max_body_bytes: a longer body counts as an error.
    """

    url: str
    rates: Annotated[tuple[Annotated[float, Field(gt=0, le=5_000)], ...], Field(min_length=1)]
    step_s: Annotated[float, Field(gt=0, le=600)] = 2.0
    warmup_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_body_bytes: Annotated[int, Field(ge=1)] = 10_000_000
    objective: Objective = Objective()


class Latency(Frozen):
    """Percentiles in milliseconds, from an HDR histogram with three significant digits."""

    p50: float
    p90: float
    p95: float
    p99: float
    max: float
    mean: float


class StepResult(Frozen):
    """One step at one arrival rate.

    Attributes:
        sent: requests that left; `completed`: 2xx answers; `errors`: the others by kind.
        late: requests the generator itself sent more than 20 ms after they were due.
        elapsed_s: from the first due time to the last answer, at least the step's length.
        latency: of 2xx answers and, censored at the limit, of time-outs; None without any.
        broke: why the objective did not hold; empty when it held.
        histogram: base64 of the compressed HDR histogram, in microseconds.
    """

    rate: float
    sent: int
    completed: int
    errors: dict[str, int] = {}
    late: int = 0
    elapsed_s: float
    bytes_received: int = 0
    latency: Latency | None = None
    broke: str = ""
    histogram: str = ""

    @property
    def error_ratio(self) -> float:
        """Errors among the requests sent."""
        return sum(self.errors.values()) / self.sent if self.sent else 1.0

    @property
    def late_ratio(self) -> float:
        """Share of requests the generator sent late: above a few percent the host was too busy."""
        return self.late / self.sent if self.sent else 0.0

    @property
    def throughput(self) -> float:
        """2xx answers per second, over the whole time until the last answer."""
        return self.completed / self.elapsed_s


class LoadResult(Frozen):
    """A whole series.

    Attributes:
        steps: in the order they were run; a step whose objective broke is the last one.
        requests: all requests sent, warm-up included.
        cpu_s: processor time the generator itself used.
        died: connections alone were broken, ten times and for a second, with no answer between.
        last_answer_s: when the last answer came, from the start of the warm-up.
        requests_by_then: how many requests had been sent by then.
    """

    url: str
    steps: tuple[StepResult, ...]
    requests: int
    cpu_s: float = 0.0
    died: bool = False
    last_answer_s: float = 0.0
    requests_by_then: int = 0

    @property
    def at_objective(self) -> StepResult | None:
        """The fastest step that held the objective."""
        held = [step for step in self.steps if not step.broke]
        return held[-1] if held else None

    @property
    def late_ratio(self) -> float:
        """Share of late requests over all steps."""
        sent = sum(step.sent for step in self.steps)
        return sum(step.late for step in self.steps) / sent if sent else 0.0
