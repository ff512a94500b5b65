"""What one app says of a measure: a value, that it is missing, or that it does not apply."""

from dataclasses import dataclass
from math import inf, isnan
from typing import Literal

from contract.analysis import MeasurementState, Severity
from contract.analyzers import Category
from contract.weakness import Origin
from reports.statistics.shares import Judged, Verdict
from reports.summary import AppSummary, WeaknessCount

GRAVE = frozenset({Severity.CRITICAL, Severity.HIGH})


@dataclass(frozen=True, slots=True)
class Seen:
    """One app on one measure.

    Attributes:
        value: None unless `state` is `seen`; of a share 1 or 0.
        weight: kLOC of a ratio.
        bad: missing, and known to fail all the same.
        least, most: if what is missing inside the app were bad, and if it were good; of a missing
            app, where the measure itself has limits.
        ceiling: the most that the true value may be, if the load ended first, else None.
    """

    state: Literal["seen", "missing", "aside"]
    value: float = 0.0
    weight: float = 1.0
    bad: bool = False
    started: bool | None = True
    least: float | None = None
    most: float | None = None
    ceiling: float | None = None

    @property
    def judged(self) -> Judged:
        """The verdict of a share."""
        verdicts: dict[str, Verdict] = {"missing": "missing", "aside": "not applicable"}
        verdict = verdicts.get(self.state) or ("pass" if self.value else "fail")
        return Judged(verdict, self.bad or verdict == "fail", self.started)


MISSING, ASIDE = Seen("missing"), Seen("aside")
_OPEN = Seen("missing", least=0.0, most=1.0)
_LARGEST, _LIGHTEST = 1e100, 1e-9


def finite(seen: Seen) -> Seen:
    """A value that is no number, or that no sum of squares could hold, was not measured."""
    known = abs(seen.value) <= _LARGEST and _LIGHTEST <= seen.weight <= _LARGEST
    return seen if known and not isnan(seen.ceiling or 0.0) else MISSING


def _share(verdict: Verdict, app: AppSummary, *, bad: bool = False) -> Seen:
    if verdict == "not applicable":
        return ASIDE
    if verdict == "missing":
        return Seen("missing", bad=bad, started=app.started)
    return Seen("seen", float(verdict == "pass"), started=app.started)


def runs(app: AppSummary) -> Seen:
    """Built, started, answered and stayed up."""
    return _share(app.runs, app, bad=app.known_broken)


def functional(app: AppSummary) -> Seen:
    """Runs, and its declared requirements or endpoints hold."""
    return _share(app.functional, app, bad=app.known_failing or app.known_broken)


def secure(app: AppSummary) -> Seen:
    """Every tool that is required had its look, and nothing high remained."""
    return _share(app.secure, app, bad=app.known_insecure)


def functional_and_secure(app: AppSummary) -> Seen:
    """Missing as soon as one of the two is: a failure must not count with less than a pass."""
    verdicts = (app.functional, app.secure)
    known = app.known_insecure or app.known_failing or app.known_broken
    bad = known or "fail" in verdicts
    if "not applicable" in verdicts:
        return ASIDE
    if "missing" in verdicts:
        return _share("missing", app, bad=bad)
    return _share("fail" if "fail" in verdicts else "pass", app)


def looked(
    app: AppSummary, category: Category
) -> Literal["whole", "partly", "unseen", "failed", "aside"]:
    """How far an app was looked at for findings of a category.

    An app that failed is not looked at in part: there was nothing that its live tools could see.
    """
    tally = next((tally for tally in app.findings if tally.category is category), None)
    if tally is None or not tally.cells.total - tally.cells.not_applicable:
        return "aside"
    lost = tally.cells.infra_failed
    if category is Category.SECURITY:
        lost = app.secure == "missing"  # it knows of tools that measured nothing on any app
    if not lost:
        failed = "failed" if tally.cells.measured else "aside"
        return failed if tally.cells.app_failed else "whole"
    return "partly" if tally.cells.measured else "unseen"


def counts_against(weakness: WeaknessCount) -> bool:
    """Whether it counts against whoever wrote the app."""
    return weakness.origin is Origin.MODEL and not weakness.suppressed


def is_grave(weakness: WeaknessCount) -> bool:
    """High or critical, and more than the guess of a single tool."""
    return weakness.sure and weakness.severity in GRAVE


def counted(app: AppSummary, category: Category, *, grave: bool = False) -> Seen:
    """How many weaknesses of a category count against it; `grave`: high and critical ones alone."""
    state = looked(app, category)
    if state != "whole":
        return ASIDE if state in ("aside", "failed") else MISSING
    found = (
        one.count
        for one in app.weaknesses
        if one.category is category
        and counts_against(one)
        and (not grave or (one.sure and one.severity in GRAVE))
    )
    return Seen("seen", float(sum(found)))


def counted_per_kloc(app: AppSummary, category: Category) -> Seen:
    """The same, with its kLOC as weight."""
    seen = counted(app, category)
    if seen.state != "seen":
        return seen
    return finite(Seen("seen", seen.value, weight=app.kloc)) if app.kloc else MISSING


def kloc(app: AppSummary) -> Seen:
    """Thousands of lines of its own code."""
    return MISSING if app.kloc is None else Seen("seen", app.kloc)


def requirements_met(app: AppSummary) -> Seen:
    """Share of its requirements that are met, of those that were decided."""
    met, failed, open_ = (
        app.requirements.get(verdict, 0) for verdict in ("met", "not_met", "cannot_tell")
    )
    asked = met + failed + open_
    if not asked:
        return _OPEN if _not_judged(app).state == "missing" else ASIDE
    if not met + failed:
        return _OPEN
    return Seen("seen", met / (met + failed), least=met / asked, most=(met + open_) / asked)


def _not_judged(app: AppSummary) -> Seen:
    """Of an app without a judge's answer: whether one should have been given."""
    judged = [each for kind, each in app.analyzers.items() if kind.row.figures == "scores"]
    return MISSING if any(each.cells.infra_failed for each in judged) else ASIDE


def cost(app: AppSummary) -> Seen:
    """What asking its judges cost; missing where they were asked and have no price."""
    if app.cost_usd is not None:
        return Seen("seen", app.cost_usd)
    judged = [each for kind, each in app.analyzers.items() if kind.row.figures == "scores"]
    return MISSING if any(each.cells.measured for each in judged) else ASIDE


def duration(app: AppSummary) -> Seen:
    """From its first to its last subtask."""
    return ASIDE if app.duration_s is None else Seen("seen", app.duration_s)


def load_figure(tool: str, name: str, app: AppSummary) -> Seen:
    """A figure of a load test; one from a busy host is missing."""
    load = next((load for load in app.load if load.tool == tool), None)
    if load is None or load.state in (MeasurementState.APP_FAILED, MeasurementState.NOT_APPLICABLE):
        return ASIDE
    if load.state is not MeasurementState.MEASURED or load.contended or name not in load.figures:
        return MISSING
    if name not in load.ceilings:
        return Seen("seen", load.figures[name])
    ceiling = load.ceilings[name]
    return Seen("seen", load.figures[name], ceiling=inf if ceiling is None else ceiling)


def score(name: str, app: AppSummary) -> Seen:
    """What judges gave."""
    if name in app.scores:
        return Seen("seen", app.scores[name])
    return MISSING if app.scores else _not_judged(app)
