"""Figures of groups of apps, each with its interval and with what is behind it."""

import re
from collections.abc import Mapping
from typing import Literal

from contract.analysis import Category, Severity
from contract.base import Frozen

_LIKE_A_NUMBER = re.compile(r"(template )*app[0-9]+")
Better = Literal["more", "less", "neither"]
Kind = Literal["share", "mean", "ratio", "median", "total", "pass_at_k"]


class Measure(Frozen):
    """What one row of figures means.

    Attributes:
        name: key of `Group.figures`: `runs`, `functional`, `secure`, `functional_and_secure`,
            `grave_findings`, `security_findings`, `security_per_kloc`, `kloc`, `requirements_met`,
            `cost_usd`, `duration_s`, `pass@1`, `sec_pass@1`, `load/<tool>/<metric>`,
            `score/<name>`, and where they were repeated `findings/<analyzer>`.
        label: for people.
        kind: `share`: of apps that pass; `mean`: per app; `ratio`: sum over sum (per kLOC);
            `median`: over apps; `total`: sum over apps; `pass_at_k`: mean over templates.
        unit: empty for shares.
        better: which end is the good one.
        compared: whether models are compared by it (`Study.comparisons`, `ranks`, `orderings`).
        observed: what an app must have to be in the figure.
    """

    name: str
    label: str
    kind: Kind
    unit: str = ""
    better: Better = "neither"
    compared: bool = False
    observed: str = ""


class Figure(Frozen):
    """One figure with its 95 % interval and with what is behind it.

    Attributes:
        value: None: not known; `reason` says why. Of shares not `passed` by `n` where apps are
            missing: those that did not start count at the share at which the others were decided.
        low, high: the interval; None: it cannot be given, and `reason` says why.
        n: apps behind the value (`pass_at_k`: templates).
        missing: apps that should have been measured for it and were not.
        aside: apps to which it does not apply.
        known_bad: of those missing, apps that are known to fail all the same.
        passed: shares only.
        least, most: of shares, the value if everything missing were bad, and if it were good; of
            requirements, if all that nobody could tell, and all of missing apps, were not met,
            and if it were.
        at_least: the value is a lower bound, as some measurements ended before the app did.
        interval: how the interval was made.
        reason: why there is no value, or no interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    missing: int = 0
    aside: int = 0
    known_bad: int = 0
    passed: int | None = None
    least: float | None = None
    most: float | None = None
    at_least: bool = False
    interval: str = ""
    reason: str = ""


class FindingFigures(Frozen):
    """Weaknesses of one category over some apps, each counted once whatever tools saw it.

    Attributes:
        whole: apps where every tool that looks for this category had its look.
        partly: apps where some had, and some had not: their findings are in no figure per app.
        unseen: apps where none had.
        failed: apps that failed by themselves: live tools could see nothing, others looked.
        total, by_severity, by_cwe: over `whole`, `partly` and `failed` apps, those that count
            (brought by the model, not suppressed); None if nothing was looked at. A CWE has the
            form `CWE-89`.
        suppressed, scaffold, origin_unknown: told apart, in no figure above.
        per_app: mean over `whole` apps.
        per_kloc: sum over `whole` apps, by the sum of their kLOC.
    """

    category: Category
    whole: int = 0
    partly: int = 0
    unseen: int = 0
    failed: int = 0
    total: int | None = None
    by_severity: dict[Severity, int] | None = None
    by_cwe: dict[str, int] | None = None
    suppressed: int = 0
    scaffold: int = 0
    origin_unknown: int = 0
    per_app: Figure = Figure()
    per_kloc: Figure = Figure()


class Agreement(Frozen):
    """How far judges agree on one AI figure.

    Attributes:
        name: of the figure: `requirements`, or a score.
        alpha: Krippendorff's alpha over all that was asked; 1: full agreement, 0: chance; None:
            not defined, and `reason` says why.
        units: questions that at least two judges answered.
        judges: how many judges answered any.
    """

    name: str
    alpha: float | None = None
    units: int = 0
    judges: int = 0
    scale: Literal["nominal", "interval"] = "nominal"
    reason: str = ""


Agreements = Mapping[str | None, tuple[Agreement, ...]]
"""How far the judges agree, by model; None: over the fleet."""


class Group(Frozen):
    """Figures of some apps: the whole fleet, one model, one template, or a model on a template.

    Attributes:
        model, template: None: all of them.
        apps: subjects in it; controls, repeats and the scaffold are in none.
        figures: by name of the measure. A model on one template has only the first measures.
        findings: by category.
        agreement: of the judges, beside their figures.
    """

    model: str | None = None
    template: str | None = None
    apps: int = 0
    figures: dict[str, Figure] = {}
    findings: tuple[FindingFigures, ...] = ()
    agreement: tuple[Agreement, ...] = ()


class Design(Frozen):
    """How the fleet is laid out.

    Attributes:
        models, templates: names in order.
        blocks: what pairs models: declared templates, or equal app numbers where none is declared.
        samples: apps per model and template: fewest and most.
        complete: whether every model has an app for every template.
        apart: apps that are no subjects, by role.
        notes: what is left out because the fleet is large.
        digest: sha256 of all that the study was computed from, whatever its order; seeds of
            resampling come from the data, so the same data give the same figures.
    """

    models: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    blocks: Literal["templates", "app numbers", "both"] = "templates"
    samples: tuple[int, int] = (0, 0)
    complete: bool = True
    apart: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    digest: str = ""


def block_name(template: str | None, number: int) -> str:
    """What pairs apps of several models: `app3` where no template is declared.

    A declared template that is called `app3` is another one: `template app3`.
    """
    if not template:
        return f"app{number}"
    return f"template {template}" if _LIKE_A_NUMBER.fullmatch(template) else template
