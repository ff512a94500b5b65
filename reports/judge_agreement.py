"""How far judges agree, over a fleet: collects their answers app by app."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from contract.agreement import alpha, interval, nominal
from contract.spec import AppRole
from reports.model import AppReport
from reports.study.figures import Agreement, Agreements

Answers = list[tuple[str | float, ...]]
REQUIREMENTS = "requirements_met"


class JudgeAgreement:
    """A reducer: Krippendorff's alpha of each AI figure, over the fleet and per model."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._units: defaultdict[tuple[str | None, str], Answers] = defaultdict(list)
        self._judges: defaultdict[tuple[str | None, str], set[str]] = defaultdict(set)

    def add(self, app: AppReport) -> None:
        """Take the answers of one app's judges; only subjects count."""
        if app.role is not AppRole.SUBJECT:
            return
        for item in app.requirements:
            self._take(app.ref.model, REQUIREMENTS, item.judges)
        for cell in app.cells:
            for name, given in scores_of(cell.report.data).items():
                self._take(app.ref.model, name, given)

    def result(self) -> Agreements:
        """One entry for each figure that judges gave."""
        found: defaultdict[str | None, list[Agreement]] = defaultdict(list)
        for key in sorted(self._units, key=lambda key: (key[0] or "", key[1])):
            model, name = key
            found[model].append(_agreement(name, self._units[key], len(self._judges[key])))
        return {model: tuple(entries) for model, entries in found.items()}

    def _take(self, model: str, name: str, given: Mapping[str, str | float]) -> None:
        if not given:
            return
        for key in ((None, name), (model, name)):
            self._units[key].append(tuple(given.values()))
            self._judges[key] |= given.keys()


def scores_of(data: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What each judge gave for each criterion (`quality_readability`), from a cell's data."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    judges = data.get("scores")
    for judge, rows in judges.items() if isinstance(judges, dict) else ():
        for criterion, row in rows.items() if isinstance(rows, dict) else ():
            score = row.get("score") if isinstance(row, dict) else None
            if isinstance(score, int | float) and isfinite(score):
                found[f"quality_{criterion}"][str(judge)] = float(score)
    return found


def _agreement(name: str, units: Answers, judges: int) -> Agreement:
    scale = "nominal" if name == REQUIREMENTS else "interval"
    several = sum(len(unit) >= 2 for unit in units)
    made = Agreement(name=name, units=several, judges=judges, scale=scale)
    if judges < 2:
        return made.model_copy(update={"reason": "one judge: nobody to agree with"})
    value = _alpha(units, scale)
    if value is None:
        return made.model_copy(update={"reason": "all answers are alike, or none was given twice"})
    return made.model_copy(update={"alpha": round(value, 4)})


def _alpha(units: Sequence[Sequence[Any]], scale: str) -> float | None:
    return alpha(units, nominal) if scale == "nominal" else alpha(units, interval)
