"""What a study says, as tables of a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.pictures.of_study import HEADLINE, findings_of
from reports.study.compared import Comparison, Ordering
from reports.study.figures import Figure, FindingFigures, Group, Measure
from reports.study.model import Study

# Rows of pairs that a page has at most, and models beside one another in one table.
_PAIRS, _MODELS_WIDE = 400, 12
_FIRST = ("runs", "functional", "secure", HEADLINE, "requirements_met")


@dataclass(frozen=True, slots=True)
class OrderView:
    """What may be said of the order of models by one measure."""

    measure: Measure
    order: Ordering

    @property
    def is_tied(self) -> bool:
        """Whether no two models with a place are shown to differ."""
        return len(self.order.groups) == 1

    @property
    def unplaced(self) -> dict[str, list[str]]:
        """Models without a place, by the reason."""
        models: dict[str, list[str]] = {}
        for model, reason in self.order.unplaced.items():
            models.setdefault(reason, []).append(model)
        return models


class StudyView:
    """A study as the page's template walks through it."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.findings_of = findings_of
        self.compared = tuple(measure for measure in study.measures if measure.compared)
        self.headline = self._headline()
        self.orders = tuple(self._orders())
        self.measures = tuple(m for m in study.measures if _is_known(study, m))
        self.template_measures = tuple(m for m in self.measures if self._of_templates(m))
        self.pairs = _decided_first(study.comparisons)[:_PAIRS]
        self.pairs_left_out = max(0, len(study.comparisons) - _PAIRS)
        self.told_apart = tuple(self._told_apart())
        self.groups = (study.fleet, *study.models)
        self.agreed = tuple(group for group in self.groups if group.agreement)

    def label(self, name: str) -> str:
        """A measure in words."""
        measure = self.study.measure(name)
        return measure.label if measure else name

    def measure(self, name: str) -> Measure:
        """What a measure means; of one that is not listed, its name."""
        return self.study.measure(name) or Measure(name=name, label=name, kind="mean")

    def figure(self, group: Group, name: str) -> Figure:
        """A figure of a group; one that it does not have is not known."""
        return group.figures.get(name, Figure(reason="not measured"))

    @property
    def cells(self) -> Mapping[tuple[str, str], Group]:
        """Models on templates; empty if there are too many models for one table."""
        if len(self.study.design.models) > _MODELS_WIDE:
            return {}
        return {(g.model or "", g.template or ""): g for g in self.study.cells}

    def _headline(self) -> Measure | None:
        """The measure whose picture stands first: the best to compare by that has a figure."""
        known = [m for m in self.compared if _is_known(self.study, m)]
        order = (HEADLINE, "secure", "functional", "runs")
        ranked = sorted(known, key=lambda m: order.index(m.name) if m.name in order else len(order))
        return ranked[0] if ranked else None

    def _orders(self) -> Iterator[OrderView]:
        for order in self.study.orderings:
            yield OrderView(self.measure(order.measure), order)

    def _of_templates(self, measure: Measure) -> bool:
        known = any(g.figures.get(measure.name) for g in self.study.templates)
        return known and (measure.name in _FIRST or measure.compared)

    def _told_apart(self) -> Iterator[tuple[str, FindingFigures]]:
        """Models with findings that the scaffold brought, that are suppressed, or of nobody."""
        for group in self.study.models:
            found = findings_of(group)
            if found and (found.scaffold or found.suppressed or found.origin_unknown):
                yield group.model or "", found


def _is_known(study: Study, measure: Measure) -> bool:
    groups = (study.fleet, *study.models)
    return any(group.figures.get(measure.name, Figure()).value is not None for group in groups)


def _decided_first(pairs: tuple[Comparison, ...]) -> list[Comparison]:
    """Pairs that differ before those that do not; else in their order."""
    return sorted(pairs, key=lambda pair: pair.verdict not in ("first", "second"))
