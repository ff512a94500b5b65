"""Options of the performance tools, as the spec gives them: `options: {performance: {...}}`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from analyzers.performance.openloop.plan import LoadPlan, Objective
from analyzers.runtime.tool import ToolFault
from contract.analysis import SubtaskRequest
from contract.base import Authored


class LoadOptions(Authored):
    """How hard and how long an app is loaded.

    Attributes:
        rates: arrivals per second of each step, rising, until one breaks the objective, and never
            more than this host can send.
        resolution, refine_steps: then the gap between the fastest rate that held and the slowest
            that did not is halved until it is at most this share wide, or for so many steps.
        p95_ms: objective; `max_error_ratio`: objective, every answer but 2xx and 429 is an error.
        max_endpoints: operations loaded, in order of trust; the others are listed as skipped.
        total_s: no further operation is begun after this, or after a quarter of the subtask's
            time; those left are listed as skipped.
        lock_wait_s: how long another load test may be waited for.
        quiet_wait_s: how long other work of ours on this host (builds, starts, static runs, single
            tools of a scan) is waited for; none begins meanwhile.
        scan_wait_s: how long scans on this host that have begun may go on to their end before that.
        calm_wait_s: how long a calm host is waited for before a flagged test is repeated.
        check_rate: arrivals per second of the second generator's sample, where the first one left
            no step to be compared with.
        lighthouse_runs: page loads by Lighthouse; the median is reported.
    """

    rates: Annotated[tuple[Annotated[float, Field(gt=0, le=5_000)], ...], Field(min_length=1)] = (
        *(20.0, 40.0, 80.0, 160.0),
        *(320.0, 640.0, 1_280.0, 2_560.0),
    )
    resolution: Annotated[float, Field(gt=0, le=10)] = 0.1
    refine_steps: Annotated[int, Field(ge=0, le=20)] = 4
    step_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    warmup_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    p95_ms: Annotated[float, Field(gt=0)] = 500.0
    max_error_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.01
    max_endpoints: Annotated[int, Field(ge=1, le=40)] = 10
    total_s: Annotated[float, Field(gt=0, le=86_400)] = 180.0
    lock_wait_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    quiet_wait_s: Annotated[float, Field(ge=0, le=3_600)] = 60.0
    scan_wait_s: Annotated[float, Field(ge=0, le=3_600)] = 120.0
    calm_wait_s: Annotated[float, Field(ge=0, le=3_600)] = 60.0
    check_rate: Annotated[float, Field(gt=0, le=1_000)] = 40.0
    check_s: Annotated[int, Field(ge=1, le=60)] = 3
    lighthouse_runs: Annotated[int, Field(ge=1, le=5)] = 1

    def plan(self, url: str, headers: Mapping[str, str] | None = None) -> LoadPlan:
        """The series for one operation."""
        return LoadPlan(
            url=url,
            headers=dict(headers or {}),
            rates=self.rates,
            resolution=self.resolution,
            refine_steps=self.refine_steps,
            step_s=self.step_s,
            warmup_s=self.warmup_s,
            timeout_s=self.timeout_s,
            objective=Objective(p95_ms=self.p95_ms, max_error_ratio=self.max_error_ratio),
        )


def read_options(request: SubtaskRequest) -> LoadOptions:
    """The request's options; lists are written as text, `rates: "20,50,100"`.

    Raises:
        ToolFault: an option nobody knows, or a value out of range.
    """
    given: dict[str, object] = dict(request.options)
    if isinstance(rates := given.get("rates"), str):
        given["rates"] = [part.strip() for part in rates.split(",")]
    try:
        options = LoadOptions.model_validate(given)
    except ValidationError as error:
        raise ToolFault(f"performance options: {_words(error)}") from error
    if list(options.rates) != sorted(set(options.rates)):
        raise ToolFault("performance options: rates must rise, e.g. 20,50,100")
    return options


def _words(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    )
