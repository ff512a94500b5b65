"""What judges said of an app's requirements, each with the evidence that holds.

Their data is free-form: a value that is not understood is left out.
"""

from collections.abc import Iterator
from typing import Any

from control.app_kept_documents import Judged, JudgeSaid, VerdictEvidence
from control.app_reading import ReadApp


def judged(app: ReadApp) -> tuple[Judged, ...]:
    """The requirements of an app with what each judge said, and the evidence that holds."""
    return tuple(
        Judged(
            tool=item.tool,
            id=item.id,
            text=item.text,
            verdict=item.verdict,
            judges=tuple(_said(app, item.tool, item.id)),
        )
        for item in app.report.requirements
    )


def _said(app: ReadApp, tool: str, requirement: str) -> Iterator[JudgeSaid]:
    cells = [cell for cell in app.report.cells if cell.tool == tool]
    rows = [row for cell in cells for row in _dicts(cell.report.data.get("requirements"))]
    for row in rows:
        judges = row.get("judges")
        if str(row.get("id", "")) != requirement or not isinstance(judges, dict):
            continue
        for model, answer in judges.items():
            if isinstance(answer, dict):
                yield JudgeSaid(
                    model=str(model),
                    verdict=str(answer.get("verdict", "")),
                    reason=str(answer.get("reason", "")),
                    evidence=tuple(_evidence(answer.get("evidence"))),
                    rejected=tuple(map(str, _listed(answer.get("rejected")))),
                )


def _evidence(value: object) -> Iterator[VerdictEvidence]:
    for row in _dicts(value):
        path, line = row.get("path"), row.get("line")
        if isinstance(path, str) and isinstance(line, int):
            yield VerdictEvidence(path=path, line=line, quote=str(row.get("quote", "")))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [row for row in _listed(value) if isinstance(row, dict)]


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
