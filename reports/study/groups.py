"""Figures of a group of apps: a value, its interval, and what is missing behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from reports.statistics.clusters import clustered_wilson
from reports.statistics.resampling import (
    Interval,
    interval_of_median,
    interval_of_ratio,
)
from reports.statistics.shares import (
    Judged,
    Share,
    pass_at_k,
    pass_at_k_of,
    share_of,
    weights_of,
)
from reports.study.figures import Figure, Kind
from reports.study.seeing import Seen

Clusters = Mapping[str, Sequence[Seen]]
"""What apps say of one measure, by what makes apps alike."""
_K = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is drawn again for an interval: `templates`, or `models` for figures of a template.

    Attributes:
        resampled: False: no interval by resampling.
        alone: the group lies within one of them: nothing says how much its apps are alike.
    """

    name: str = "templates"
    resampled: bool = True
    alone: bool = False


TEMPLATES = Unit()


def figure(kind: Kind, clusters: Clusters, unit: Unit = TEMPLATES) -> Figure:
    """The figure of one measure over a group of apps."""
    if kind == "share":
        return _share(clusters, unit)
    everything = [seen for group in clusters.values() for seen in group]
    counted = {
        "n": sum(seen.state == "seen" for seen in everything),
        "missing": sum(seen.state == "missing" for seen in everything),
        "aside": sum(seen.state == "aside" for seen in everything),
    }
    groups = [
        found
        for group in clusters.values()
        if (found := [seen for seen in group if seen.state == "seen"])
    ]
    limits = _bounds(everything) if kind == "mean" else {}
    if not groups:
        reason = _nothing(counted["missing"], counted["aside"])
        return Figure(reason=reason).model_copy(update=counted | limits)
    made = _MAKERS[kind](groups, unit)
    return made.model_copy(update=counted | limits)


def pass_figures(clusters: Clusters, name: str) -> dict[str, Figure]:
    """`pass@k` for k = 1 and those k that every template has samples for."""
    decided = [[seen for seen in group if seen.state == "seen"] for group in clusters.values()]
    if all(seen.state == "aside" for group in clusters.values() for seen in group):
        return {}
    fewest = min((len(group) for group in decided if group), default=0)
    return {f"{name}@{k}": _pass_at(k, clusters) for k in _K if k == 1 or k <= fewest}


def _share(clusters: Clusters, unit: Unit) -> Figure:
    share = share_of([seen.judged for group in clusters.values() for seen in group])
    found = _interval_of_share(share, clusters, unit) if share.rate is not None else Interval()
    bounds = share.bounds or (None, None)
    return Figure(
        value=share.rate,
        low=found.low,
        high=found.high,
        n=share.passed + share.failed,
        missing=share.missing,
        aside=share.aside,
        known_bad=share.known_failed,
        passed=share.passed,
        least=bounds[0],
        most=bounds[1],
        interval=found.method,
        reason=found.reason if share.rate is not None else _nothing(share.missing, share.aside),
    )


def _interval_of_share(share: Share, clusters: Clusters, unit: Unit) -> Interval:
    """Wilson's; where templates have several samples, with the number of independent ones."""
    weights = iter(weights_of([seen.judged for group in clusters.values() for seen in group]))
    counted = [
        [(seen.judged.verdict == "pass", next(weights)) for seen in group]
        for group in clusters.values()
    ]
    decided = [
        (float(sum(passed for passed, _ in group)), sum(weight for _, weight in group), len(group))
        for every in counted
        if (group := [(passed, weight) for passed, weight in every if weight])
    ]
    if not unit.alone and any(apps > 1 for _, _, apps in decided):
        return _named(clustered_wilson([(passed, n) for passed, n, _ in decided]), unit)
    low, high = share.interval or (None, None)
    return Interval(low, high, method="Wilson")


def _mean(groups: Sequence[Sequence[Seen]], unit: Unit) -> Figure:
    values = [seen.value for group in groups for seen in group]
    sums = [sum(seen.value for seen in group) for group in groups]
    return _with(
        Figure(value=fmean(values)),
        interval_of_ratio(sums, [len(group) for group in groups]) if unit.resampled else _ONE,
        unit,
    )


def _bounds(everything: Iterable[Seen]) -> dict[str, float]:
    """The mean if all that is open were bad, and if it were good; none if no limit is known."""
    asked = [seen for seen in everything if seen.state != "aside"]
    least = [seen.least for seen in asked if seen.least is not None]
    most = [seen.most for seen in asked if seen.most is not None]
    if not asked or len(least) < len(asked) or len(most) < len(asked):
        return {}
    return {"least": fmean(least), "most": fmean(most)}


def _ratio(groups: Sequence[Sequence[Seen]], unit: Unit) -> Figure:
    sums = [sum(seen.value for seen in group) for group in groups]
    weights = [sum(seen.weight for seen in group) for group in groups]
    found = interval_of_ratio(sums, weights) if unit.resampled else _ONE
    return _with(Figure(value=sum(sums) / sum(weights)), found, unit)


def _median(groups: Sequence[Sequence[Seen]], unit: Unit) -> Figure:
    everything = [seen for group in groups for seen in group]
    middle = median(seen.value for seen in everything)
    highest = median(seen.value if seen.ceiling is None else seen.ceiling for seen in everything)
    found = (
        interval_of_median([[seen.value for seen in group] for group in groups])
        if unit.resampled
        else _ONE
    )
    if found.high is not None and any(_may_pass(seen, found.high) for seen in everything):
        found = Interval(found.low, None, found.method, _OPEN_END)
    return _with(Figure(value=middle, at_least=highest != middle), found, unit)


def _may_pass(seen: Seen, limit: float) -> bool:
    """Whether it is a lower bound at or below a limit, and may really be above it."""
    return seen.ceiling is not None and seen.value <= limit < seen.ceiling


def _total(groups: Sequence[Sequence[Seen]], unit: Unit) -> Figure:
    total = sum(seen.value for group in groups for seen in group)
    return Figure(value=total, reason="a sum of what was measured, no estimate")


def _pass_at(k: int, clusters: Clusters) -> Figure:
    """Mean over templates; n of each is the number of its measured samples, never of all.

    A template on which no app started is never missing, so it weighs as much as the share of the
    others that could be decided; a mean outside of what is possible is moved to its border.
    """
    asked = [group for every in clusters.values() if len(group := _in_play(every)) >= k]
    found = [(group, pass_at_k_of([seen.judged for seen in group], k)) for group in asked]
    every = weights_of([_as_one(group, value) for group, value in found])
    decided = [
        (value, weight)
        for (_, value), weight in zip(found, every, strict=True)
        if value is not None
    ]
    sums, weights = [value * weight for value, weight in decided], [weight for _, weight in decided]
    if not sum(weights):
        return Figure(missing=len(asked), reason=f"no template with k = {k} measured samples")
    least, most = (fmean(_extreme(group, k, passes) for group in asked) for passes in (False, True))
    value = min(max(sum(sums) / sum(weights), least), most)
    shown = Figure(
        value=value,
        n=len(decided),
        missing=len(asked) - len(decided),
        aside=len(clusters) - len(asked),
        least=least,
        most=most,
    )
    shown = _with(shown, interval_of_ratio(sums, weights), TEMPLATES)
    if shown.low is None or shown.high is None:
        return shown
    held = {"low": min(shown.low, value), "high": max(shown.high, value)}
    return shown.model_copy(update=held)


def _in_play(group: Sequence[Seen]) -> list[Seen]:
    return [seen for seen in group if seen.state != "aside"]


def _as_one(group: Sequence[Seen], value: float | None) -> Judged:
    """A template as one app: it is decided, or it is missing, or nothing on it started."""
    known = {seen.started for seen in group}
    started = True if True in known else None if None in known else False
    return Judged("missing" if value is None else "pass" if value else "fail", started=started)


def _extreme(group: Sequence[Seen], k: int, passes: bool) -> float:
    """pass@k if all that is missing passed, or if it failed."""
    passed = sum(seen.state == "seen" and seen.value > 0 for seen in group)
    missing = sum(seen.state == "missing" for seen in group)
    return pass_at_k(len(group), passed + passes * missing, k) or 0.0


def _with(shown: Figure, found: Interval, unit: Unit) -> Figure:
    """The figure with its interval, which is named after what was drawn again."""
    named = _named(found, unit)
    return shown.model_copy(
        update={
            "low": named.low,
            "high": named.high,
            "interval": named.method,
            "reason": named.reason,
        }
    )


def _named(found: Interval, unit: Unit) -> Interval:
    return Interval(
        found.low,
        found.high,
        found.method.replace("clusters", unit.name),
        found.reason.replace("clusters", unit.name).replace("cluster", unit.name[:-1]),
    )


def _nothing(missing: int, aside: int) -> str:
    if missing:
        return f"not measured: missing for {missing} app{'s' if missing > 1 else ''}"
    return "applies to none of its apps" if aside else "no apps"


_ONE = Interval(reason="no interval by resampling")
_OPEN_END = "the upper end is not known: the load of some apps ended before they did"
_MAKERS = {"mean": _mean, "ratio": _ratio, "median": _median, "total": _total}
