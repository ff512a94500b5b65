"""What judges said: scores, and a verdict on each declared requirement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.counts import Rate
from reports.model import CellReport, RequirementVerdict, Score
from reports.rates import rate
from reports.statistics.shares import Verdict

_VERDICTS: dict[str, Verdict] = {"met": "pass", "not_met": "fail", "cannot_tell": "missing"}


def scores(cells: Iterable[CellReport]) -> tuple[Score, ...]:
    """What the judges gave, and what asking them cost."""
    return tuple(
        Score(
            tool=cell.tool,
            name=metric.name,
            value=metric.value,
            unit=metric.unit,
            target=metric.target,
        )
        for cell in cells
        if cell.analyzer.row.figures == "scores"
        for metric in cell.report.metrics
    )


def requirements(cells: Iterable[CellReport]) -> tuple[RequirementVerdict, ...]:
    """Verdicts that a judge left under `requirements` of its data; other values are left out."""
    return tuple(
        _verdict(cell.tool, row)
        for cell in cells
        if cell.analyzer.row.figures == "scores"
        for row in _rows(cell.report.data.get("requirements"))
    )


def compliance(verdicts: Sequence[RequirementVerdict]) -> tuple[Rate, ...]:
    """How many requirements are met, with bounds for those nobody could tell; none without any."""
    if not verdicts:
        return ()
    return (rate("requirements_met", [_VERDICTS[item.verdict] for item in verdicts]),)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict) and row.get("verdict") in _VERDICTS]


def _verdict(tool: str, row: Mapping[str, Any]) -> RequirementVerdict:
    judges = row.get("judges")
    given = judges if isinstance(judges, dict) else {}
    answers = {str(model): answer for model, answer in given.items() if isinstance(answer, dict)}
    verdict = str(row["verdict"])
    agreeing = [answer for answer in answers.values() if answer.get("verdict") == verdict]
    reasons = [str(answer.get("reason", "")) for answer in agreeing]
    return RequirementVerdict(
        tool=tool,
        id=str(row.get("id", "")),
        text=str(row.get("text", "")),
        verdict=verdict,
        judges={model: str(answer.get("verdict", "")) for model, answer in answers.items()},
        reason=reasons[0] if reasons else "",
    )
