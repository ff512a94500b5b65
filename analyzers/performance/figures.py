"""From series to metrics: which step represents an operation, and the names of its figures."""

from typing import Any

from analyzers.performance.openloop.plan import Calibration, LoadResult, unknown_percentiles
from contract.analysis import Metric


def operation_metrics(name: str, result: LoadResult) -> tuple[Metric, ...]:
    """Figures of the fastest step that held the objective; of the slowest step where none held.

    `throughput_at_objective` is left out where no step held it: that is not a zero. `censored` says
    that it is a lower bound, because the series ended before the app's limit. `rate_limit` is what
    the app allows one client; `rate_limit_wait` is the time until its quota was back.
    """
    step = result.chosen
    values: list[tuple[str, float, str]] = [
        ("throughput", step.throughput, "1/s"),
        ("error_ratio", step.error_ratio, "ratio"),
        ("arrival_rate", step.rate, "1/s"),
        ("bytes_received", float(step.bytes_received), "bytes"),
        ("requests", float(step.sent), "count"),
        ("requests_completed", float(step.completed), "count"),
        ("requests_limited", float(sum(load_step.limited for load_step in result.steps)), "count"),
        ("requests_late", float(step.late), "count"),
        ("requests_all_steps", float(sum(load_step.sent for load_step in result.steps)), "count"),
        ("censored", float(result.censored), "count"),
    ]
    if result.at_objective:
        values.append(("throughput_at_objective", step.throughput, "1/s"))
    if step.latency:
        values += [(f"latency_{name}", value, "ms") for name, value in step.latency.known().items()]
    if result.limit and result.limit.per_s:
        values.append(("rate_limit", result.limit.per_s, "1/s"))
    if result.limit and result.limit.wait_s is not None:
        values.append(("rate_limit_wait", result.limit.wait_s, "s"))
    return tuple(
        Metric(name=label, value=round(value, 4), unit=unit, target=name)
        for label, value, unit in values
    )


def calibration_metrics(calibration: Calibration) -> tuple[Metric, ...]:
    """The limits of this host: its ceiling, and the fastest rate that it held."""
    values: list[tuple[str, float, str]] = [("calibration_throughput", calibration.ceiling, "1/s")]
    if best := calibration.best:
        values.append(("calibration_rate_held", best.rate, "1/s"))
        p95 = best.latency.known().get("p95") if best.latency else None
        values += [("calibration_p95", p95, "ms")] if p95 is not None else []
    return tuple(
        Metric(name=name, value=round(value, 3), unit=unit, target="calibration")
        for name, value, unit in values
    )


def step_table(result: LoadResult) -> list[dict[str, Any]]:
    """Every step with all its numbers, without the histogram."""
    return [
        {
            **step.model_dump(exclude={"histogram", "latency"}),
            "latency": step.latency.known() if step.latency else None,
            "throughput": round(step.throughput, 3),
            "error_ratio": round(step.error_ratio, 5),
        }
        for step in result.steps
    ]


def operation_notes(name: str, result: LoadResult) -> tuple[str, ...]:
    """What `throughput_at_objective` means for this operation, and which percentiles it lacks."""
    latency = result.chosen.latency
    missing = percentile_notes(name, latency.samples) if latency else ()
    notes = [_ceiling(result)]
    if result.limit:
        notes.insert(0, result.limit.text)
    if result.resent:
        notes.append(f"{result.resent} requests met a kept connection that was closed: sent again")
    return (*(f"{name}: {note}" for note in notes), *missing)


def percentile_notes(name: str, samples: int) -> tuple[str, ...]:
    """Which percentiles are left out and why; empty when none is."""
    missing = [f"{rank} (needs {needed})" for rank, needed in unknown_percentiles(samples).items()]
    if not missing:
        return ()
    return (f"{name}: not measured with {samples} samples: {', '.join(missing)}",)


def _ceiling(result: LoadResult) -> str:
    held, broken = result.at_objective, result.broken
    if broken is None:
        return f"the objective still held at {result.chosen.rate:g}/s, the highest rate tried"
    if broken.generator_gave_out:
        late = f"{broken.late_ratio:.0%} of the requests were sent late at {broken.rate:g}/s"
        return f"{late}: a limit of this host's generator, not of the app"
    if held is None:
        return f"the objective did not hold even at {broken.rate:g}/s: {broken.broke}"
    return f"the objective held at {held.rate:g}/s and broke at {broken.rate:g}/s: {broken.broke}"
