"""Calibration, then one series per operation, with the host watched all the while."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import analyzers
from analyzers.performance.host import HostLoad, Thresholds, between, snapshot
from analyzers.performance.openloop.plan import LoadPlan, LoadResult
from analyzers.performance.options import LoadOptions
from analyzers.performance.probe import Operation, ask, new_client
from analyzers.performance.usage import UsageLog, watch_usage
from analyzers.runtime.tool import AppFault, Command, Execute, ToolRun
from contract.analysis import Skipped

_PROJECT = Path(analyzers.__file__).parents[1]
_CONFIRMATIONS = 3
_CONFIRM_INTERVAL_S = 0.5


@dataclass(slots=True)
class Attempt:
    """One whole load test: calibration and the series that gave numbers.

    Attributes:
        results: per operation name.
        usage: processor time and memory of the app while the series ran.
        contention: why the numbers cannot be trusted; empty when they can.
    """

    calibration: LoadResult | None = None
    results: dict[str, LoadResult] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    host: HostLoad | None = None
    usage: UsageLog = field(default_factory=UsageLog)
    contention: tuple[str, ...] = ()


async def load_once(
    run: ToolRun, execute: Execute, operations: Sequence[Operation], options: LoadOptions
) -> Attempt:
    """Measure this host, then every operation.

    Raises:
        AppFault: the app stopped answering during the load, and did not come back.
    """
    attempt = Attempt()
    before = snapshot()
    if not is_short(options):
        attempt.calibration = await calibrate(run, execute, options)
    async with watch_usage(run.request.targets) as attempt.usage:
        for operation in operations:
            run.progress(f"load: {operation.name}")
            plan = options.plan(operation.url)
            result = await _one_series(run, execute, plan, "openloop", options)
            await _check_alive(operation, result, attempt)
            if result.steps:
                attempt.results[operation.name] = result
    attempt.host = between(before, snapshot())
    late = max((result.late_ratio for result in attempt.results.values()), default=0.0)
    attempt.contention = attempt.host.contention(Thresholds(), late)
    return attempt


def is_short(options: LoadOptions) -> bool:
    """A series of one step is a look, not a measurement: it is not worth a calibration."""
    return len(options.rates) == 1


async def calibrate(run: ToolRun, execute: Execute, options: LoadOptions) -> LoadResult:
    """The plan's lowest and highest rate against our own server on this host."""
    run.progress("calibration: our own server on this host")
    rates = (options.rates[0], options.rates[-1])
    plan = options.plan("http://calibration/").model_copy(update={"rates": rates, "warmup_s": 0.2})
    return await _one_series(run, execute, plan, "calibration", options)


async def _one_series(
    run: ToolRun, execute: Execute, plan: LoadPlan, module: str, options: LoadOptions
) -> LoadResult:
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
        limit_s=options.series_limit_s,
    )
    return LoadResult.model_validate_json((await execute(command)).output)


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
    if not result.steps:
        attempt.skipped.append(Skipped(what=operation.name, reason="died during the warm-up"))


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
