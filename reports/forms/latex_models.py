"""LaTeX tables of groups of apps: per model, per template, per model on a template."""

from collections import Counter
from collections.abc import Iterator, Sequence

from contract.analysis import Category, Severity
from reports.forms.figures import UNKNOWN, shown, unit_of
from reports.forms.texcode import TexTable, slug, tex
from reports.study.figures import FindingFigures, Group, Measure
from reports.study.model import Study

_WIDE = 5
_CWES = 15
_READ = (
    "In brackets: 95\\,\\% interval. In parentheses: apps that should be in the figure and were "
    f"not measured. {UNKNOWN}: not known, which is not zero."
)


def model_tables(study: Study) -> Iterator[TexTable]:
    """Tables of models, of templates, and of both."""
    yield from _grouped(study, study.models, "models", "Model")
    yield from _grouped(study, study.templates, "templates", "Template")
    yield from _crossed(study)
    yield from _severities(study)
    yield from _weaknesses(study)


def _grouped(study: Study, groups: Sequence[Group], name: str, head: str) -> Iterator[TexTable]:
    """Tables of at most five measures, each kind of measure in tables of its own."""
    for subject, measures in _by_subject(study.measures).items():
        known = [one for one in measures if any(one.name in group.figures for group in groups)]
        for part, start in enumerate(range(0, len(known), _WIDE)):
            some = known[start : start + _WIDE]
            yield TexTable(
                name=f"{name}-{subject}{f'-{part + 1}' if len(known) > _WIDE else ''}",
                caption=f"{tex(_caption(some))}. {_READ}",
                columns="lr" + "r" * len(some),
                head=(head, "Apps", *(tex(_headed(measure)) for measure in some)),
                rows=tuple(
                    (
                        tex(_name(group)),
                        str(group.apps),
                        *(tex(shown(one, group.figures.get(one.name))) for one in some),
                    )
                    for group in groups
                ),
            )


def _by_subject(measures: Sequence[Measure]) -> dict[str, list[Measure]]:
    """Measures that belong into one table: a load test each, scores, the rest by kind."""
    subjects: dict[str, list[Measure]] = {}
    for measure in measures:
        parts = measure.name.split("/")
        if len(parts) > 1:
            subject = slug("-".join(parts[:-1]))
        else:
            subject = "shares" if unit_of(measure) == "%" else "figures"
        subjects.setdefault(subject, []).append(measure)
    return subjects


def _caption(measures: Sequence[Measure]) -> str:
    return "; ".join(dict.fromkeys(measure.label for measure in measures))


def _headed(measure: Measure) -> str:
    unit = unit_of(measure)
    return f"{measure.label} ({unit})" if unit else measure.label


def _name(group: Group) -> str:
    return " / ".join(part for part in (group.model, group.template) if part) or "all"


def _crossed(study: Study) -> Iterator[TexTable]:
    """Templates down, models across, for each measure that is known of a model on a template."""
    by_both = {(cell.model, cell.template): cell for cell in study.cells}
    models, templates = study.design.models, study.design.templates
    for measure in study.measures:
        if not any(measure.name in cell.figures for cell in study.cells):
            continue
        for start in range(0, len(models), _WIDE):
            some = models[start : start + _WIDE]
            part = f"-{start // _WIDE + 1}" if len(models) > _WIDE else ""
            yield TexTable(
                name=f"model-template-{slug(measure.name)}{part}",
                caption=f"{tex(_headed(measure))} by template and model. {_READ}",
                columns="l" + "r" * len(some),
                head=("Template", *map(tex, some)),
                rows=tuple(
                    (tex(template), *(_crossing(measure, by_both.get((m, template))) for m in some))
                    for template in templates
                ),
            )


def _crossing(measure: Measure, cell: Group | None) -> str:
    return tex(shown(measure, cell.figures.get(measure.name))) if cell else "no app"


def _security(group: Group) -> FindingFigures | None:
    return next((one for one in group.findings if one.category is Category.SECURITY), None)


def _severities(study: Study) -> Iterator[TexTable]:
    mine = [(group, found) for group in study.models if (found := _security(group))]
    if not mine:
        return
    heads = ("Whole", "Partly", "Failed", "None", *Severity, "Suppressed", "Scaffold")
    yield TexTable(
        name="models-severities",
        caption=(
            "Security weaknesses by severity, each counted once whatever tools saw it. Whole, "
            "partly, none: apps where every tool that looks for them, some, or none had its look; "
            "failed: apps that did not run, where the tools that need no running app had theirs. "
            f"Suppressed ones and those of the scaffold are in no other column. {UNKNOWN}: nothing "
            "was looked at, which is not zero."
        ),
        columns="l" + "r" * len(heads),
        head=("Model", *(tex(str(head).capitalize()) for head in heads)),
        rows=tuple((tex(_name(group)), *_counts(found)) for group, found in mine),
    )


def _counts(found: FindingFigures) -> Iterator[str]:
    yield from map(str, (found.whole, found.partly, found.failed, found.unseen))
    for severity in Severity:
        yield UNKNOWN if found.by_severity is None else str(found.by_severity.get(severity, 0))
    yield from map(str, (found.suppressed, found.scaffold))


def _weaknesses(study: Study) -> Iterator[TexTable]:
    """The most frequent weaknesses of the fleet, by model."""
    by_model = {group.model or "all": _security(group) for group in study.models}
    total = Counter[str]()
    for found in by_model.values():
        total.update((found.by_cwe or {}) if found else {})
    models = list(by_model)
    for start in range(0, len(models) if total else 0, _WIDE):
        some = models[start : start + _WIDE]
        yield TexTable(
            name=f"models-cwe{f'-{start // _WIDE + 1}' if len(models) > _WIDE else ''}",
            caption=(
                f"The {min(_CWES, len(total))} most frequent weaknesses "
                f"(of {len(total)} in the fleet), by model. {UNKNOWN}: nothing was looked at."
            ),
            columns="l" + "r" * len(some),
            head=("Weakness", *map(tex, some)),
            rows=tuple(
                (tex(cwe), *(_of_cwe(by_model[model], cwe) for model in some))
                for cwe, _ in total.most_common(_CWES)
            ),
        )


def _of_cwe(found: FindingFigures | None, cwe: str) -> str:
    return UNKNOWN if found is None or found.by_cwe is None else str(found.by_cwe.get(cwe, 0))
