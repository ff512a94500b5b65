"""Options of the performance tools, as the spec gives them: `options: {performance: {...}}`."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from analyzers.performance.openloop.plan import LoadPlan, Objective
from analyzers.runtime.options import declared_options
from contract.analysis import SubtaskRequest
from contract.base import Authored
from contract.spec import Number


def _listed(value: Any) -> Any:
    """A spec's options hold no lists, so a list is written as text."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class LoadOptions(Authored):
    """How hard and how long an app is loaded.

    Attributes:
        rates: arrivals per second of each step, rising until one breaks the objective, and never
            more than this host can send. Written as text: `rates: "20,50,100"`.
        resolution: afterwards the gap between the fastest rate that held and the slowest that did
            not is halved until it is at most this share wide.
        refine_steps: how often it is halved at most.
        step_s: seconds of one step.
        warmup_s: seconds before each step that do not count.
        timeout_s: an answer that takes longer is an error.
        p95_ms: objective: 95 of 100 answers come within this time.
        max_error_ratio: objective: every answer but 2xx and 429 is an error.
        max_endpoints: operations to load, in order of trust; the others are listed as skipped.
        total_s: no further operation begins after this time, or after a quarter of the subtask's
            time; the rest is listed as skipped.
        lock_wait_s: how long we wait for another load test.
        quiet_wait_s: how long we wait for other work of ours on this host (builds, starts, static
            runs, single tools of a scan); nothing new begins meanwhile.
        scan_wait_s: before that, how long scans that run on this host may go on.
        calm_wait_s: how long we wait for a calm host before a flagged test is repeated.
        check_rate: arrivals per second of the second generator's sample, where the first one left
            no step to compare with.
        check_s: seconds of that sample.
        lighthouse_runs: page loads by Lighthouse; the median is reported.
    """

    rates: Annotated[
        tuple[Annotated[float, Field(gt=0, le=5_000)], ...],
        Field(min_length=1),
        BeforeValidator(_listed, json_schema_input_type=str),
    ] = (*(20.0, 40.0, 80.0, 160.0), *(320.0, 640.0, 1_280.0, 2_560.0))
    resolution: Annotated[float, Field(gt=0, le=10), Number] = 0.1
    refine_steps: Annotated[int, Field(ge=0, le=20), Number] = 4
    step_s: Annotated[float, Field(gt=0, le=600), Number] = 5.0
    warmup_s: Annotated[float, Field(ge=0, le=60), Number] = 0.5
    timeout_s: Annotated[float, Field(gt=0, le=60), Number] = 5.0
    p95_ms: Annotated[float, Field(gt=0, le=600_000), Number] = 500.0
    max_error_ratio: Annotated[float, Field(ge=0, lt=1), Number] = 0.01
    max_endpoints: Annotated[int, Field(ge=1, le=40), Number] = 10
    total_s: Annotated[float, Field(gt=0, le=86_400), Number] = 180.0
    lock_wait_s: Annotated[float, Field(ge=0, le=86_400), Number] = 300.0
    quiet_wait_s: Annotated[float, Field(ge=0, le=3_600), Number] = 60.0
    scan_wait_s: Annotated[float, Field(ge=0, le=3_600), Number] = 120.0
    calm_wait_s: Annotated[float, Field(ge=0, le=3_600), Number] = 60.0
    check_rate: Annotated[float, Field(gt=0, le=1_000), Number] = 40.0
    check_s: Annotated[int, Field(ge=1, le=60), Number] = 3
    lighthouse_runs: Annotated[int, Field(ge=1, le=5), Number] = 1

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if list(self.rates) != sorted(set(self.rates)):
            raise ValueError("rates must rise, e.g. 20,50,100")
        return self

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


OPTIONS = LoadOptions


def read_options(request: SubtaskRequest) -> LoadOptions:
    """The request's options.

    Raises:
        ToolFault: an unknown option, or a value out of range.
    """
    return declared_options(request, LoadOptions)
