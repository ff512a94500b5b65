"""All weaknesses of a pipeline as one log for GitHub code scanning: SARIF 2.1.0 within its limits.

A run for each tool, as in the log of one app, with paths below the fleet's folder. GitHub closes an
alert when its category is uploaded without it. So a tool that did not look at every app is uploaded
under a category of its own, in which nothing was open before, and closes nothing.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract.analysis import MeasurementState, Severity
from contract.ids import safe_model
from contract.spec import AppRole
from contract.weakness import Weakness
from reports.model import AppReport, CellReport
from reports.sarif import PRODUCT, Notice, driver_of, identified, invocation_of, run_of
from reports.sarif_github import MAX_RUNS, SHOWN_RESULTS, tool_of, within_upload
from reports.sarif_results import MAX_RESULTS, SOURCE_ROOT, Style, has_place, listed
from reports.sarif_rules import SEVERITY_RANK

_OTHERS = "others"
_REASONS = 5
_LOST = (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
_Entry = tuple[int, int, str, Weakness, Style]
"""Graveness and place in the fleet, both negative, tool, weakness, and the style of its app."""


@dataclass(slots=True)
class _Tool:
    """What is known of one tool over the fleet; `cell` is one of it, without findings."""

    cell: CellReport
    measured: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def take(self, cell: CellReport) -> None:
        """Count one more app."""
        if cell.state is MeasurementState.MEASURED:
            self.measured += 1
        elif cell.state in _LOST:
            self.lost[cell.report.reason] += 1

    def notices(self) -> Iterator[Notice]:
        """On which apps it did not measure, and why."""
        if self.lost:
            why = "; ".join(
                f"{apps:,} {reason}" for reason, apps in self.lost.most_common(_REASONS)
            )
            text = (
                f"did not measure {self.lost.total():,} apps, whose alerts stay as they are: {why}"
            )
            yield "warning", text


class FleetSarif:
    """A reducer: takes one app after the other, and keeps at most `max_results` weaknesses.

    Args:
        pipeline: ID of the pipeline.
        fleet: name that is the same in each scan of this fleet: that of its folder.
        max_results: how many of the gravest are kept.
    """

    def __init__(self, pipeline: str, fleet: str, max_results: int = MAX_RESULTS) -> None:
        self._pipeline = pipeline
        self._fleet = fleet or "fleet"
        self._max_results = max_results
        self._tools: dict[str, _Tool] = {}
        self._kept: list[_Entry] = []
        self._placed = Counter[Severity]()
        self._unplaced = 0

    def add(self, app: AppReport) -> None:
        """Take the weaknesses of a subject; what is no subject has no alerts."""
        if app.role is not AppRole.SUBJECT:
            return
        looks = [cell for cell in app.cells if cell.looks_for]
        for cell in looks:
            if cell.name not in self._tools:
                self._tools[cell.name] = _Tool(_without_findings(cell))
            self._tools[cell.name].take(cell)
        measured = {cell.tool: cell for cell in looks if cell.finding_count is not None}
        if measured:
            self._take(app, measured)

    def result(self) -> bytes | None:
        """The log; None where no tool measured: it would say that nothing was found."""
        if not any(tool.measured for tool in self._tools.values()):
            return None
        gravest = sorted(self._kept, key=lambda entry: (-entry[0], -entry[1]))
        return within_upload(lambda limit: self._runs(gravest[:limit]), self._max_results)

    def _take(self, app: AppReport, measured: Mapping[str, CellReport]) -> None:
        folder = f"{safe_model(app.ref.model)}/app{app.ref.app_number}"
        style = Style(app.main_file, every_tool=True, complete=True, decided=True, folder=folder)
        for weakness in app.weaknesses:
            finding = weakness.finding
            if not has_place(finding, style):
                self._unplaced += 1
                continue
            place, rank = self._placed.total(), SEVERITY_RANK[finding.severity]
            self._placed[finding.severity] += 1
            tool = tool_of(finding, measured)
            name = measured[tool].name if tool else _OTHERS
            self._keep((-rank, -place, name, weakness, style))

    def _keep(self, entry: _Entry) -> None:
        if len(self._kept) < self._max_results:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def _runs(self, kept: Sequence[_Entry]) -> list[dict[str, Any]]:
        """A run per tool: those with the gravest results first, then those that found nothing."""
        of_tool: dict[str, list[_Entry]] = {}
        for entry in kept:
            of_tool.setdefault(entry[2], []).append(entry)
        for name, tool in self._tools.items():
            if tool.measured:
                of_tool.setdefault(name, [])
        names = list(of_tool)
        alone = names if len(names) <= MAX_RUNS else names[: MAX_RUNS - 1]
        rest = names[len(alone) :]
        first = self._left_out(len(kept))
        runs: list[dict[str, Any]] = []
        for name in alone:
            runs.append(self._run(name, of_tool[name], () if runs else first))
        if rest:
            together = [entry for name in rest for entry in of_tool[name]]
            text = f"more tools than runs: this one has what is of {', '.join(rest)}"
            runs.append(self._log(("rest",), together, [("note", text)]))
        return runs

    def _run(self, name: str, kept: Sequence[_Entry], first: Iterable[Notice]) -> dict[str, Any]:
        tool = self._tools.get(name)
        notices = [*first, *(tool.notices() if tool else ())]
        if len(kept) > SHOWN_RESULTS:
            shown = f"GitHub shows {SHOWN_RESULTS:,} of the {len(kept):,} results of a run"
            notices.append(("note", shown))
        parts = (name, "incomplete") if tool and tool.lost else (name,)
        run = self._log(parts, kept, notices)
        if tool:
            run["tool"]["extensions"] = [driver_of(tool.cell)]
        return run

    def _log(
        self, parts: Sequence[str], kept: Sequence[_Entry], notices: Sequence[Notice]
    ) -> dict[str, Any]:
        seen = listed([(entry[3], entry[4]) for entry in kept], [])
        automation_id = identified(self._fleet, *parts, self._pipeline)
        run = run_of({"name": PRODUCT}, automation_id, invocation_of(True, notices), seen)
        run["originalUriBaseIds"] = {SOURCE_ROOT: {"description": {"text": "the fleet's folder"}}}
        return run

    def _left_out(self, kept: int) -> Iterator[Notice]:
        """What the log does not have, told in its first run."""
        if kept < self._placed.total():
            found = ", ".join(f"{self._placed[severity]:,} {severity}" for severity in Severity)
            text = f"cut: the gravest {kept:,} of {self._placed.total():,} are listed"
            yield "warning", f"{text}; there are {found}"
        if self._unplaced:
            text = f"left out: {self._unplaced:,} findings, no file is known to exist for them"
            yield "warning", text
        for name, tool in self._tools.items():
            if not tool.measured and tool.lost:
                yield "warning", f"{name} has no run: it {next(tool.notices())[1]}"


def _without_findings(cell: CellReport) -> CellReport:
    report = cell.report.model_copy(update={"findings": (), "metrics": (), "data": {}})
    return cell.model_copy(update={"record": cell.record.model_copy(update={"report": report})})
