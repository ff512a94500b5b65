"""The measures of a fleet: what they are called, which end is good, how an app is read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from contract.analyzers import Category
from reports.study import seeing
from reports.study.figures import Better, Measure
from reports.study.seeing import Seen
from reports.summary import AppSummary, LoadSummary

_WHOLE = "apps where every tool that looks for weaknesses, and measured any app, had its look"
_BETTER: dict[str, Better] = {
    "throughput_at_objective": "more",
    "throughput": "more",
    "lighthouse_performance": "more",
    "latency_p50": "less",
    "latency_p95": "less",
    "latency_p99": "less",
    "error_ratio": "less",
    "app_memory_max": "less",
    "first_contentful_paint": "less",
    "largest_contentful_paint": "less",
    "total_blocking_time": "less",
}
_COMPARED = frozenset({"throughput_at_objective", "latency_p95", "lighthouse_performance"})


@dataclass(frozen=True, slots=True)
class Look:
    """A measure, and how it is read from an app."""

    measure: Measure
    of: Callable[[AppSummary], Seen]
    first: bool = False


def looks(apps: Sequence[AppSummary]) -> tuple[Look, ...]:
    """The measures of a fleet: those of every fleet, and those that its own tools give."""
    every_load = [load for app in apps for load in app.load]
    tools = {(load.tool, name): load.units for load in every_load for name in _named(load)}
    scores = sorted({name for app in apps for name in app.scores})
    found = (
        *_ALWAYS,
        *(_load(tool, name, units.get(name, "")) for (tool, name), units in sorted(tools.items())),
        *(_score(name) for name in scores),
    )
    return tuple(look for look in found if look.first or _says_something(look, apps))


def known_measure(name: str) -> bool:
    """Whether there can be such a measure that has a good end, in some fleet."""
    kind, _, rest = name.partition("/")
    of_load = kind == "load" and rest.rpartition("/")[2] in _BETTER and "/" in rest
    return name in CRITERIA or of_load or (kind == "score" and bool(rest))


def _says_something(look: Look, apps: Iterable[AppSummary]) -> bool:
    return any(look.of(app).state != "aside" for app in apps)


def _named(load: LoadSummary) -> Iterable[str]:
    return (name for name in load.figures if name in _BETTER)


def _load(tool: str, name: str, unit: str) -> Look:
    measure = Measure(
        name=f"load/{tool}/{name}",
        label=f"{name.replace('_', ' ')} ({tool})",
        kind="median",
        unit=unit,
        better=_BETTER[name],
        compared=name in _COMPARED,
        observed="apps measured on a calm host",
    )
    return Look(measure, partial(seeing.load_figure, tool, name))


def _score(name: str) -> Look:
    measure = Measure(
        name=f"score/{name}",
        label=name.replace("_", " "),
        kind="mean",
        unit="score",
        better="more",
        compared=name.endswith("_mean"),
        observed="apps that a judge scored",
    )
    return Look(measure, partial(seeing.score, name))


_SHARES = (
    ("runs", "Runs", "apps whose live looks are complete"),
    ("functional", "Works", "apps whose declared requirements or endpoints were tried"),
    ("secure", "Secure", _WHOLE),
    ("functional_and_secure", "Works and is secure", "apps that were looked at for both"),
)


def _share(name: str, label: str, observed: str) -> Look:
    measure = Measure(
        name=name, label=label, kind="share", better="more", compared=True, observed=observed
    )
    return Look(measure, getattr(seeing, name), first=True)


_ALWAYS: tuple[Look, ...] = (
    *(_share(*row) for row in _SHARES),
    Look(
        Measure(
            name="grave_findings",
            label="High and critical weaknesses per app",
            kind="mean",
            better="less",
            compared=True,
            observed=_WHOLE,
        ),
        partial(seeing.counted, category=Category.SECURITY, grave=True),
        first=True,
    ),
    Look(
        Measure(
            name="security_findings",
            label="Weaknesses per app",
            kind="mean",
            better="less",
            observed=_WHOLE,
        ),
        partial(seeing.counted, category=Category.SECURITY),
    ),
    Look(
        Measure(
            name="security_per_kloc",
            label="Weaknesses per kLOC",
            kind="ratio",
            unit="1/kLOC",
            better="less",
            compared=True,
            observed=f"{_WHOLE}, and whose lines were counted",
        ),
        partial(seeing.counted_per_kloc, category=Category.SECURITY),
    ),
    Look(
        Measure(name="kloc", label="Own code", kind="mean", unit="kLOC", observed="counted apps"),
        seeing.kloc,
    ),
    Look(
        Measure(
            name="requirements_met",
            label="Requirements met",
            kind="mean",
            better="more",
            compared=True,
            observed="apps of whose requirements at least one was decided",
        ),
        seeing.requirements_met,
    ),
    Look(
        Measure(
            name="cost_usd",
            label="Cost of judges per app",
            kind="mean",
            unit="USD",
            better="less",
            observed="apps whose judges have a price",
        ),
        seeing.cost,
    ),
    Look(
        Measure(
            name="cost_usd_total",
            label="Cost of judges",
            kind="total",
            unit="USD",
            observed="apps whose judges have a price",
        ),
        seeing.cost,
    ),
    Look(
        Measure(
            name="duration_s",
            label="Time from first to last subtask",
            kind="median",
            unit="s",
            observed="apps with recorded times",
        ),
        seeing.duration,
    ),
)
CRITERIA: tuple[str, ...] = tuple(
    look.measure.name for look in _ALWAYS if look.measure.better != "neither"
)
"""Measures of every fleet that have a good end; those of load tests and judges come beside them."""
