"""Calibration, then one series per operation, with the host watched all the while."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import analyzers
from analyzers.performance.host import HostLoad, Thresholds, between, snapshot, watched
from analyzers.performance.openloop.plan import Calibration, LoadPlan, LoadResult
from analyzers.performance.options import LoadOptions
from analyzers.performance.probe import Operation, ask, new_client
from analyzers.performance.usage import UsageLog, watch_usage
from analyzers.runtime.tool import AppFault, Command, Execute, ToolRun
from contract.analysis import Skipped

_PROJECT = Path(analyzers.__file__).parents[1]
_CONFIRMATIONS = 3
_CONFIRM_INTERVAL_S = 0.5
_CALIBRATION_STEP_S = 1.0
# Up to this share of the host's ceiling, the generator and a usual app leave a core mostly idle.
_LIGHT_SHARE = 1 / 8
# A subtask of less time than usual gives its operations less, so that they are not all lost.
_TOTAL_SHARE = 1 / 4


@dataclass(slots=True)
class Attempt:
    """One whole load test: calibration and the series that gave numbers.

    Attributes:
        results: per operation name.
        contended: per operation name why its numbers cannot be trusted; empty when they can.
        host: load of the host over the whole attempt.
        usage: processor time and memory of the app while the series ran.
    """

    calibration: Calibration | None = None
    results: dict[str, LoadResult] = field(default_factory=dict)
    contended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    host: HostLoad | None = None
    usage: UsageLog = field(default_factory=UsageLog)

    @property
    def contention(self) -> tuple[str, ...]:
        """Every contended operation with its reasons."""
        return tuple(f"{name}: {', '.join(why)}" for name, why in self.contended.items() if why)

    def add(self, name: str, result: LoadResult, host: HostLoad) -> None:
        """Keep one series with the load of the host while it ran."""
        if not result.steps:
            self.skipped.append(Skipped(what=name, reason="died during the warm-up"))
            return
        self.results[name] = result
        judged = replace(host, pressure=self._foreign_pressure(result, host))
        self.contended[name] = judged.contention(Thresholds(), result.chosen.late_ratio)
        if self.calibration and not self.calibration.best:
            reason = "our own server did not hold the lowest rate"
            self.contended[name] = (*self.contended[name], reason)

    def _foreign_pressure(self, result: LoadResult, host: HostLoad) -> float | None:
        """The highest pressure of the light steps: that of the others is the load test's own."""
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
    """
    before = snapshot()
    attempt = Attempt(calibration=await calibrate(run, execute, options))
    rates = sendable(options.rates, attempt)
    total_s = min(options.total_s, run.request.deadline_s * _TOTAL_SHARE)
    async with watch_usage(run.request.targets, docker_host) as attempt.usage:
        began = time.monotonic()
        for operation in operations:
            if time.monotonic() - began > total_s:
                reason = f"not begun: the load test's {total_s:g} s were over"
                attempt.skipped.append(Skipped(what=operation.name, reason=reason))
                continue
            run.progress(f"load: {operation.name}")
            plan = options.plan(operation.url).model_copy(update={"rates": rates})
            result, host = await watched(run_series(run, execute, plan))
            await _check_alive(operation, result, attempt)
            attempt.add(operation.name, result, host)
    attempt.host = between(before, snapshot())
    return attempt


def sendable(rates: tuple[float, ...], attempt: Attempt) -> tuple[float, ...]:
    """The rates that calibration held, noting that others were not tried; at least the lowest."""
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


async def _check_alive(operation: Operation, result: LoadResult, attempt: Attempt) -> None:
    """One request after each series: an app that is gone is a fault of the app, with the second."""
    where = (
        f"{operation.name} after {result.last_answer_s:.1f} s and "
        f"{result.requests_by_then} requests"
    )
    if reason := await _silence(operation.url):
        raise AppFault(f"stopped answering under load: {where} ({reason})")
    if result.died:
        attempt.notes.append(f"stopped answering and came back: {where}")


async def _silence(url: str) -> str:
    """Why `url` gives no HTTP answer, asked three times; empty when it does."""
    reason = ""
    async with new_client() as client:
        for _ in range(_CONFIRMATIONS):
            answer = await ask(client, url)
            if answer.status:
                return ""
            reason = answer.text
            await asyncio.sleep(_CONFIRM_INTERVAL_S)
    return reason
