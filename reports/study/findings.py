"""Weaknesses of a group of apps by category, severity and CWE."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from contract.analyzers import Category
from contract.weakness import Origin
from reports.study.figures import FindingFigures
from reports.study.groups import TEMPLATES, Unit, figure
from reports.study.seeing import counted, counted_per_kloc, counts_against, looked
from reports.summary import AppSummary, WeaknessCount

Key = TypeVar("Key", bound=str)
Apps = Mapping[str, Sequence[AppSummary]]
"""Apps by what makes them alike."""


def finding_figures(apps: Apps, unit: Unit = TEMPLATES) -> tuple[FindingFigures, ...]:
    """One entry for each category that a tool of the fleet looks for in these apps."""
    everything = [app for group in apps.values() for app in group]
    asked = {tally.category for app in everything for tally in app.findings}
    return tuple(_of(category, everything, apps, unit) for category in sorted(asked))


def _of(
    category: Category, everything: Sequence[AppSummary], apps: Apps, unit: Unit
) -> FindingFigures:
    states = Counter(looked(app, category) for app in everything)
    found = [
        weakness
        for app in everything
        for weakness in app.weaknesses
        if weakness.category is category
    ]
    counting = [weakness for weakness in found if counts_against(weakness)]
    any_look = any(
        tally.cells.measured
        for app in everything
        for tally in app.findings
        if tally.category is category
    )
    per_app = {name: [counted(app, category) for app in group] for name, group in apps.items()}
    per_kloc = {
        name: [counted_per_kloc(app, category) for app in group] for name, group in apps.items()
    }
    return FindingFigures(
        category=category,
        whole=states["whole"],
        partly=states["partly"],
        unseen=states["unseen"],
        failed=states["failed"],
        total=_sum(counting) if any_look else None,
        by_severity=_by(counting, lambda one: one.severity) if any_look else None,
        by_cwe=_by((one for one in counting if one.cwe is not None), lambda one: f"CWE-{one.cwe}")
        if any_look
        else None,
        suppressed=_sum(one for one in found if one.suppressed),
        scaffold=_sum(_unsuppressed(found, Origin.SCAFFOLD)),
        origin_unknown=_sum(
            one
            for one in found
            if one.origin not in (Origin.MODEL, Origin.SCAFFOLD) and not one.suppressed
        ),
        per_app=figure("mean", per_app, unit),
        per_kloc=figure("ratio", per_kloc, unit),
    )


def _unsuppressed(found: Iterable[WeaknessCount], origin: Origin) -> Iterable[WeaknessCount]:
    return (one for one in found if one.origin is origin and not one.suppressed)


def _sum(found: Iterable[WeaknessCount]) -> int:
    return sum(one.count for one in found)


def _by(found: Iterable[WeaknessCount], key: Callable[[WeaknessCount], Key]) -> dict[Key, int]:
    counted = Counter[Key]()
    for one in found:
        counted[key(one)] += one.count
    return dict(counted.most_common())
