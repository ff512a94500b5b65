"""From series to metrics: which step speaks for an operation, and under which names."""

from typing import Any

from analyzers.performance.openloop.plan import LoadResult, StepResult
from analyzers.performance.series import Attempt
from contract.analysis import Metric


def operation_metrics(name: str, result: LoadResult) -> tuple[Metric, ...]:
    """Figures of the fastest step that held the objective; of the slowest step where none held.

    `throughput_at_objective` is left out where no step held it: that is not a zero.
    """
    held = result.at_objective
    step = held or result.steps[0]
    sent = sum(one.sent for one in result.steps)
    values: list[tuple[str, float, str]] = [
        ("throughput", step.throughput, "1/s"),
        ("error_ratio", step.error_ratio, "ratio"),
        ("arrival_rate", step.rate, "1/s"),
        ("bytes_received", float(sum(one.bytes_received for one in result.steps)), "bytes"),
        ("requests", float(sent), "count"),
        ("requests_completed", float(sum(one.completed for one in result.steps)), "count"),
        ("requests_late", float(sum(one.late for one in result.steps)), "count"),
    ]
    if held:
        values.append(("throughput_at_objective", held.throughput, "1/s"))
    if step.latency:
        values += [
            (f"latency_{name}", value, "ms") for name, value in step.latency.model_dump().items()
        ]
    return tuple(
        Metric(name=label, value=round(value, 4), unit=unit, target=name)
        for label, value, unit in values
    )


def host_metrics(attempt: Attempt) -> tuple[Metric, ...]:
    """What the host was like and what it could do; only what the kernel told."""
    found: list[Metric] = []
    if host := attempt.host:
        found.append(Metric(name="host_steal", value=round(host.steal, 4), unit="ratio"))
        found.append(Metric(name="host_load_1min", value=host.load_1min, unit="count"))
        if host.pressure is not None:
            pressure = round(host.pressure, 4)
            found.append(Metric(name="host_cpu_pressure", value=pressure, unit="ratio"))
    if attempt.calibration and attempt.calibration.steps:
        step = attempt.calibration.steps[-1]
        found += _calibration(step)
    return tuple(found)


def _calibration(step: StepResult) -> list[Metric]:
    throughput = round(step.throughput, 2)
    found = [
        Metric(name="calibration_throughput", value=throughput, unit="1/s", target="calibration")
    ]
    if step.latency:
        p95 = step.latency.p95
        found.append(Metric(name="calibration_p95", value=p95, unit="ms", target="calibration"))
    return found


def step_table(result: LoadResult) -> list[dict[str, Any]]:
    """Every step with all its numbers, without the histogram."""
    return [
        {
            **step.model_dump(exclude={"histogram"}),
            "throughput": round(step.throughput, 3),
            "error_ratio": round(step.error_ratio, 5),
        }
        for step in result.steps
    ]


def ceiling_notes(name: str, result: LoadResult) -> tuple[str, ...]:
    """What `throughput_at_objective` means for this operation, in one sentence."""
    held, last = result.at_objective, result.steps[-1]
    if held is None:
        return (f"{name}: the objective did not hold even at {last.rate:g}/s: {last.broke}",)
    if not last.broke:
        return (f"{name}: the objective still held at {last.rate:g}/s, the highest rate tried",)
    return (f"{name}: the objective broke at {last.rate:g}/s: {last.broke}",)
