"""Open-loop load: throughput at an objective and true percentiles, per operation."""

import hashlib
import importlib.metadata
import json
from typing import Any

from analyzers.performance.calibration_server import serving
from analyzers.performance.canary import DELAYS_S, LOAD_CANARY, gentle, prove
from analyzers.performance.figures import (
    calibration_metrics,
    operation_metrics,
    operation_notes,
    step_table,
)
from analyzers.performance.isolation import alone, flag, freshness, repeated_when_calm
from analyzers.performance.options import LoadOptions, read_options
from analyzers.performance.series import Attempt, load_once, run_series
from analyzers.performance.shared import hand_on
from analyzers.performance.site import Site
from analyzers.performance.survey import Survey, survey_app
from analyzers.runtime import blame
from analyzers.runtime.tool import Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Category, Coverage, Skipped
from contract.attached import USAGE

_VERSION = "3"


class OpenLoop:
    """Adapter for our own generator, one separate process per series."""

    name = "openloop"
    looks_for = frozenset[Category]()
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ()

    def __init__(self, site: Site) -> None:
        self._site = site

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Its own version and that of the HTTP client that sends the load."""
        return f"{_VERSION}+aiohttp-{importlib.metadata.version('aiohttp')}"

    def rules_digest(self) -> str:
        """The objective and steps used where the spec gives none."""
        return hashlib.sha256(LoadOptions().model_dump_json().encode()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load every operation that answers 2xx; under contention, repeat once the host is calm.

        Raises:
            AppFault, NotApplicable: as `blame.ROWS` say.
            ToolFault: the same; or no target, a bad option, or the host's lock was not available.
        """
        options = read_options(run.request)
        if not run.request.targets:
            raise ToolFault("no running target was named in the request")
        if run.canary:
            return await _canary(run, execute, gentle(options))
        found = await survey_app(run, execute, options.calm_wait_s)
        chosen = found.operations[: options.max_endpoints]
        hand_on(run, found.operations, {})
        async with alone(run, options, self._site):
            attempt = await repeated_when_calm(
                run,
                options,
                lambda: load_once(run, execute, chosen, options, self._site.docker_host),
            )
        hand_on(run, found.operations, attempt.results)
        _attach_histograms(run, attempt)
        if series := attempt.usage.series():
            run.attach(USAGE, json.dumps(series).encode())
        return _parsed(found, attempt, options)


async def _canary(run: ToolRun, execute: Execute, options: LoadOptions) -> Parsed:
    """A server of known delays, without the lock: it must not wait for a running load test."""
    async with serving(DELAYS_S) as port:
        plan = options.plan(f"http://127.0.0.1:{port}/")
        metrics = operation_metrics("GET /", await run_series(run, execute, plan))
    prove({metric.name: metric.value for metric in metrics})
    coverage = Coverage(unit="operations", given=1, reached=1, items=("GET /",))
    return Parsed(coverage=coverage, metrics=metrics)


def _parsed(found: Survey, attempt: Attempt, options: LoadOptions) -> Parsed:
    if not attempt.results:
        why = "; ".join(f"{left_out.what}: {left_out.reason}" for left_out in attempt.skipped)
        raise blame.verdict("load-rate-limited" if attempt.limits else "load-nothing", why)
    skipped = (*found.skipped, *attempt.skipped, *_beyond(found, options))
    results = attempt.results
    metrics = [metric for name in results for metric in operation_metrics(name, results[name])]
    metrics += [flag(name, bool(why)) for name, why in attempt.contended.items()]
    metrics += calibration_metrics(attempt.calibration) if attempt.calibration else ()
    metrics += attempt.host.metrics() if attempt.host else ()
    return Parsed(
        coverage=Coverage(
            unit="operations",
            given=len(results) + len(skipped),
            reached=len(results),
            items=tuple(results),
            skipped=skipped[:50],
            skipped_total=len(skipped),
        ),
        metrics=(*metrics, *attempt.usage.metrics()),
        notes=(
            *found.notes,
            *attempt.notes,
            *(attempt.host.notes() if attempt.host else ()),
            *attempt.usage.notes(),
            *(note for name in results for note in operation_notes(name, results[name])),
        ),
        data=_data(attempt, options),
        fresh_for=freshness(bool(attempt.contention)),
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
        "success": "2xx only; a redirect is not followed and is an error, a 429 is neither",
        "objective": {"p95_ms": options.p95_ms, "max_error_ratio": options.max_error_ratio},
        "steps": {name: step_table(result) for name, result in attempt.results.items()},
        "calibration": step_table(attempt.calibration.series) if attempt.calibration else None,
        "contention": {name: list(why) for name, why in attempt.contended.items()},
        "usage_missing": attempt.usage.missing,
    }


def _attach_histograms(run: ToolRun, attempt: Attempt) -> None:
    """HDR histograms of every step: percentiles of several runs can be merged, not averaged."""
    histograms = {
        name: {f"{step.rate:g}/s": step.histogram for step in result.steps}
        for name, result in attempt.results.items()
    }
    run.attach("histograms.json", json.dumps(histograms).encode())
