"""The pictures of a load test, drawn here: they need no script."""

from control.app_kept_documents import AppLoad, LoadCurve, UsageSeries
from reports.pictures.drawing import Picture
from reports.pictures.load_curve import CurvePoint, load_curve, usage_curve

_MIB = 1024.0**2


def pictures_of(load: AppLoad) -> tuple[Picture, ...]:
    """A curve for each operation, then processor and memory of each service over time."""
    curves = [_curve(f"load-{at}", each) for at, each in enumerate(load.curves)]
    used = [each for at, one in enumerate(load.usage) for each in _usage(f"usage-{at}", one)]
    return (*curves, *used)


def _curve(name: str, curve: LoadCurve) -> Picture:
    points = [
        CurvePoint(
            rate=step.rate,
            latency={
                key: value
                for key, value in (("p50", step.p50), ("p95", step.p95), ("p99", step.p99))
                if value is not None
            },
            held=not step.broke,
        )
        for step in curve.steps
    ]
    return load_curve(name, curve.operation, points, curve.objective_p95_ms)


def _usage(name: str, series: UsageSeries) -> tuple[Picture, Picture]:
    memory = [value / _MIB for value in series.memory_bytes]
    service = series.service
    return (
        usage_curve(
            f"{name}-cpu",
            f"Processor time of {service} under load",
            series.at_s,
            series.cpu_percent,
            "percent of a core",
        ),
        usage_curve(
            f"{name}-memory", f"Memory of {service} under load", series.at_s, memory, "MiB"
        ),
    )
