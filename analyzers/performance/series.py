"""Calibration, then one series per operation, with the host watched all the time."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import analyzers
from analyzers.performance.aftermath import limited_now, look_after
from analyzers.performance.host import HostLoad, Thresholds, between, snapshot, watched
from analyzers.performance.openloop.limits import SHORT_WAIT_S, RateLimit
from analyzers.performance.openloop.plan import Calibration, LoadPlan, LoadResult
from analyzers.performance.operations import Operation
from analyzers.performance.options import LoadOptions
from analyzers.performance.usage import UsageLog, watch_usage
from analyzers.runtime.tool import Command, Execute, ToolRun
from contract.analysis import Skipped

_PROJECT = Path(analyzers.__file__).parents[1]
_CALIBRATION_STEP_S = 1.0
# Up to this share of the host's ceiling, the generator and a usual app leave a core mostly idle.
_LIGHT_SHARE = 1 / 8
# A shorter subtask gives its operations less time, so that they are not all lost.
_TOTAL_SHARE = 1 / 4


@dataclass(slots=True)
class Attempt:
    """One whole load test: calibration and the series that gave numbers.

    Attributes:
        results: per operation name.
        contended: per operation name: why its numbers cannot be trusted; empty when they can.
        limits: per operation name: how the app limited us there.
        host: load of the host over the whole attempt.
        usage: processor time and memory of the app while the series ran.
    """

    calibration: Calibration | None = None
    results: dict[str, LoadResult] = field(default_factory=dict)
    contended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limits: dict[str, RateLimit] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    host: HostLoad | None = None
    usage: UsageLog = field(default_factory=UsageLog)

    @property
    def contention(self) -> tuple[str, ...]:
        """Every contended operation with its reasons."""
        return tuple(f"{name}: {', '.join(why)}" for name, why in self.contended.items() if why)

    @property
    def may_repeat(self) -> bool:
        """Whether a repetition would be the same test: with a spent quota it would not."""
        return not self.is_limited

    @property
    def is_limited(self) -> bool:
        """Whether a quota was met that takes a while to come back."""
        return any((limit.wait_s or 0.0) > SHORT_WAIT_S for limit in self.limits.values())

    def add(self, name: str, result: LoadResult, host: HostLoad) -> None:
        """Keep one series with the load of the host while it ran."""
        if result.limit:
            self.limits[name] = result.limit
        if not result.steps or (result.limit and not result.chosen.completed):
            reason = result.limit.text if result.limit else "died during the warm-up"
            self.skipped.append(Skipped(what=name, reason=reason))
            return
        self.results[name] = result
        judged = replace(host, pressure=self._foreign_pressure(result, host))
        self.contended[name] = judged.contention(Thresholds(), result.chosen.late_ratio)
        if self.calibration and not self.calibration.best:
            reason = "our own server did not hold the lowest rate"
            self.contended[name] = (*self.contended[name], reason)

    def _foreign_pressure(self, result: LoadResult, host: HostLoad) -> float | None:
        """The highest pressure of the light steps: in the others the load test itself causes it."""
        ceiling = self.calibration.ceiling if self.calibration else 0.0
        first, *others = result.steps
        light = [first, *(step for step in others if step.rate <= ceiling * _LIGHT_SHARE)]
        seen = [step.pressure for step in light if step.pressure is not None]
        return max(seen) if seen else host.pressure


async def load_once(
    run: ToolRun,
    execute: Execute,
    operations: Sequence[Operation],
    options: LoadOptions,
    docker_host: str,
) -> Attempt:
    """Measure this host, then every operation.

    Raises:
        AppFault: the app stopped answering during the load, and did not come back.
        ToolFault: it accepts connections and does not answer any more.
    """
    before = snapshot()
    attempt = Attempt(calibration=await calibrate(run, execute, options))
    rates = sendable(options.rates, attempt)
    total_s = min(options.total_s, run.request.deadline_s * _TOTAL_SHARE)
    async with watch_usage(run.request.targets, docker_host) as attempt.usage:
        began = time.monotonic()
        for operation in operations:
            reason = ""
            if time.monotonic() - began > total_s:
                reason = f"not begun: the load test's {total_s:g} s were over"
            elif attempt.is_limited:
                reason = await limited_now(operation)
            if reason:
                attempt.skipped.append(Skipped(what=operation.name, reason=reason))
                continue
            run.progress(f"load: {operation.name}")
            plan = options.plan(operation.url, dict(operation.headers))
            plan = plan.model_copy(update={"rates": rates})
            result, host = await watched(run_series(run, execute, plan))
            if note := await look_after(operation, result):
                attempt.notes.append(note)
            attempt.add(operation.name, result, host)
    attempt.host = between(before, snapshot())
    return attempt


def sendable(rates: tuple[float, ...], attempt: Attempt) -> tuple[float, ...]:
    """The rates that calibration held, at least the lowest; a note says which were not tried."""
    best = attempt.calibration.best if attempt.calibration else None
    if best is None or best.rate >= rates[-1]:
        return rates if best else rates[:1]
    attempt.notes.append(
        f"rates above {best.rate:g}/s are more than this host can send: calibration did not hold "
        "them, so they were not tried"
    )
    return tuple(rate for rate in rates if rate <= best.rate)


async def calibrate(run: ToolRun, execute: Execute, options: LoadOptions) -> Calibration:
    """The plan's rates in short steps, and the ceiling, against our own server on this host."""
    run.progress("calibration: our own server on this host")
    step_s = min(options.step_s, _CALIBRATION_STEP_S)
    changes = {"step_s": step_s, "warmup_s": 0.2, "refine_steps": 0}
    plan = options.plan("http://calibration/").model_copy(update=changes)
    return Calibration.model_validate_json(await _execute_plan(run, execute, plan, "calibration"))


async def run_series(run: ToolRun, execute: Execute, plan: LoadPlan) -> LoadResult:
    """Load one operation, by a generator that is a process of its own."""
    return LoadResult.model_validate_json(await _execute_plan(run, execute, plan, "openloop"))


async def _execute_plan(run: ToolRun, execute: Execute, plan: LoadPlan, module: str) -> bytes:
    plan_file, result_file = run.workspace / "plan.json", run.workspace / "result.json"
    plan_file.write_text(plan.model_dump_json(), encoding="utf-8")
    result_file.unlink(missing_ok=True)
    command = Command(
        argv=(
            *(sys.executable, "-m", f"analyzers.performance.{module}"),
            *(str(plan_file), str(result_file)),
        ),
        env={"PYTHONPATH": str(_PROJECT)},
        output=result_file,
        limit_s=plan.limit_s,
    )
    return (await execute(command)).output
