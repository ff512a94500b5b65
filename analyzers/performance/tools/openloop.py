"""Open-loop load: throughput at an objective and true percentiles, per operation."""

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Sequence
from typing import Any

from analyzers.performance.canary import LOAD_CANARY, gentle, is_canary
from analyzers.performance.figures import (
    ceiling_notes,
    host_metrics,
    operation_metrics,
    step_table,
)
from analyzers.performance.host import Thresholds, wait_until_calm
from analyzers.performance.lock import host_lock
from analyzers.performance.options import LoadOptions, read_options
from analyzers.performance.probe import Operation, Survey, handed_on, survey_app
from analyzers.performance.series import Attempt, load_once
from analyzers.runtime.tool import AppFault, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Coverage, Skipped

_VERSION = "1"
# A repetition may use this share of the subtask's time; the rest is for the other tools.
_REPEAT_SHARE = 0.5


class OpenLoop:
    """Adapter for our own generator, a process of its own per series."""

    name = "openloop"
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ()

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Its own version and that of the HTTP client that carries the load."""
        return f"{_VERSION}+aiohttp-{importlib.metadata.version('aiohttp')}"

    def rules_digest(self) -> str:
        """The objective and steps used where the spec says nothing."""
        return hashlib.sha256(LoadOptions().model_dump_json().encode()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load every operation that answers 2xx; under contention, repeat once the host is calm.

        Raises:
            AppFault: nothing answers 2xx, or the app stopped answering under load.
            ToolFault: no target, a bad option, the host's lock was not to be had.
        """
        options = read_options(run.request)
        if not run.request.targets:
            raise ToolFault("no running target was named in the request")
        if is_canary(run):
            return await _canary(run, execute, gentle(options))
        found = await survey_app(run)
        run.shared[self.name] = handed_on(found.operations)
        chosen = found.operations[: options.max_endpoints]
        async with host_lock(options.lock_file, options.lock_wait_s):
            attempt = await _calm_attempt(run, execute, chosen, options)
        _attach_histograms(run, attempt)
        return _parsed(found, attempt, options)


async def _canary(run: ToolRun, execute: Execute, options: LoadOptions) -> Parsed:
    """A look at our own server: without the lock, it must not wait for a running load test."""
    operation = Operation("canary", run.request.targets[0].base_url, "/", "GET /")
    attempt = await load_once(run, execute, (operation,), options)
    if any(step.broke for result in attempt.results.values() for step in result.steps):
        raise ToolFault("the canary server's fixed answer was not measured as a success")
    return _parsed(Survey((operation,), ()), attempt, options)


async def _calm_attempt(
    run: ToolRun, execute: Execute, chosen: Sequence[Operation], options: LoadOptions
) -> Attempt:
    """Measure; under contention, repeat once the host is calm: the calmer of the two counts."""
    began = time.monotonic()
    first = await load_once(run, execute, chosen, options)
    if not first.contention:
        return first
    spent_s = time.monotonic() - began
    if 2 * spent_s + options.calm_wait_s > run.request.deadline_s * _REPEAT_SHARE:
        first.notes.append(f"under contention, no time to repeat: {', '.join(first.contention)}")
        return first
    run.progress(f"contention ({', '.join(first.contention)}): waiting for a calm host")
    if not await wait_until_calm(Thresholds(), options.calm_wait_s):
        first.notes.append(
            f"measured under contention: {', '.join(first.contention)}; not repeated, because the "
            f"host was not calm within {options.calm_wait_s:g} s"
        )
        return first
    second = await load_once(run, execute, chosen, options)
    best = min((second, first), key=lambda attempt: len(attempt.contention))
    best.notes.append(f"first test under contention: {', '.join(first.contention)}; repeated")
    if best.contention:
        best.notes.append(f"measured under contention: {', '.join(best.contention)}")
    return best


def _parsed(found: Survey, attempt: Attempt, options: LoadOptions) -> Parsed:
    if not attempt.results:
        raise AppFault("; ".join(f"{one.what}: {one.reason}" for one in attempt.skipped))
    skipped = (*found.skipped, *attempt.skipped, *_beyond(found, options))
    results = attempt.results
    metrics = [one for name in results for one in operation_metrics(name, results[name])]
    return Parsed(
        coverage=Coverage(
            unit="operations",
            given=len(results) + len(skipped),
            reached=len(results),
            items=tuple(results),
            skipped=skipped[:50],
            skipped_total=len(skipped),
        ),
        metrics=(*metrics, *host_metrics(attempt), *attempt.usage.metrics()),
        notes=(*attempt.notes, *(n for k in results for n in ceiling_notes(k, results[k]))),
        data=_data(attempt, options),
    )


def _beyond(found: Survey, options: LoadOptions) -> tuple[Skipped, ...]:
    reason = f"beyond max_endpoints={options.max_endpoints}"
    return tuple(
        Skipped(what=operation.name, reason=reason)
        for operation in found.operations[options.max_endpoints :]
    )


def _data(attempt: Attempt, options: LoadOptions) -> dict[str, Any]:
    return {
        "loop": "open",
        "success": "2xx only; redirects are not followed and count as errors",
        "objective": {"p95_ms": options.p95_ms, "max_error_ratio": options.max_error_ratio},
        "steps": {name: step_table(result) for name, result in attempt.results.items()},
        "calibration": step_table(attempt.calibration) if attempt.calibration else None,
        "contention": list(attempt.contention),
        "usage_missing": attempt.usage.missing,
    }


def _attach_histograms(run: ToolRun, attempt: Attempt) -> None:
    """HDR histograms of every step: percentiles of several runs can be merged, not averaged."""
    histograms = {
        name: {f"{step.rate:g}/s": step.histogram for step in result.steps}
        for name, result in attempt.results.items()
    }
    run.attach("histograms.json", json.dumps(histograms).encode())
