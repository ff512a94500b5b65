"""All weaknesses of a pipeline as one log for GitHub code scanning: SARIF 2.1.0 within its limits.

A run for each tool, as in the log of one app, with paths below the fleet's folder. A tool that
looked at every app of the folder is uploaded under its name; one that did not, under a category
that names the apps that it looked at. What is not listed whole has a category of this pipeline
alone (`sarif_category.py` says why).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract.analysis import MeasurementState, Severity
from contract.outcome import ALL_TOOLS
from contract.spec import AppRole
from contract.weakness import Weakness
from reports.model import AppReport, CellReport
from reports.names import app_folder
from reports.sarif import PRODUCT, Notice, driver_of, identified, invocation_of, run_of
from reports.sarif_category import (
    OTHERS,
    SHARED,
    SHOWN_RESULTS,
    AppSet,
    digest_of,
    looked,
    sharing,
)
from reports.sarif_github import tool_of, within_upload
from reports.sarif_results import MAX_RESULTS, SOURCE_ROOT, Style, has_place, listed
from reports.sarif_rules import SEVERITY_RANK

_REASONS = 5
_LOST = (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
_Entry = tuple[int, int, str, Weakness, Style]
"""Graveness and place in the fleet, both negative, tool, weakness, and the style of its app."""


@dataclass(slots=True)
class _Tool:
    """What is known of one tool over the fleet.

    Attributes:
        cell: one of it, without findings.
        seen: apps that it looked at.
        placed: how many weaknesses are reported under it and have a file.
        hidden: whether weaknesses are reported under it that have no file.
        cut: whether it left out findings itself.
    """

    cell: CellReport
    measured: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    seen: AppSet = field(default_factory=AppSet)
    placed: int = 0
    hidden: bool = False
    cut: bool = False

    def take(self, cell: CellReport, app: str, *, hidden: bool) -> None:
        """Count one more app; `hidden`: what it has there is not listed whole."""
        self.hidden = self.hidden or hidden
        self.cut = self.cut or bool(cell.report.provenance.cuts)
        if looked(cell):
            self.seen.add(f"{app}?" if hidden else app)
        if cell.state is MeasurementState.MEASURED:
            self.measured += 1
        elif cell.state in _LOST:
            self.lost[cell.report.reason] += 1


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run is made of; `parts` of its ID stand between the fleet and the pipeline."""

    parts: tuple[str, ...]
    kept: Sequence[_Entry]
    notices: Sequence[Notice] = ()
    cells: Sequence[CellReport] = ()


class FleetSarif:
    """A reducer: takes one app after the other, and keeps at most `max_results` weaknesses.

    Args:
        pipeline: ID of the pipeline.
        fleet: name that is the same in each scan of this fleet: that of its folder.
        max_results: how many of the gravest are kept.
        whole: whether the apps are all of the fleet's folder.
    """

    def __init__(
        self,
        pipeline: str,
        fleet: str,
        max_results: int = MAX_RESULTS,
        *,
        whole: bool = True,
    ) -> None:
        self._pipeline = pipeline
        self._fleet = fleet or "fleet"
        self._max_results = max_results
        self._whole = whole
        self._apps = 0
        self._tools: dict[str, _Tool] = {}
        self._kept: list[_Entry] = []
        self._placed = Counter[Severity]()
        self._unplaced = 0

    def add(self, app: AppReport) -> None:
        """Take the weaknesses of a subject; what is no subject has no alerts."""
        if app.role is not AppRole.SUBJECT:
            return
        self._apps += 1
        folder = app.folder or app_folder(app.ref)
        looks = [cell for cell in app.cells if cell.looks_for]
        for cell in looks:
            if cell.name not in self._tools:
                self._tools[cell.name] = _Tool(_without_findings(cell))
        measured = {cell.tool: cell for cell in looks if cell.finding_count is not None}
        hidden = self._take(app, folder, measured) if measured else set[str]()
        for cell in looks:
            self._tools[cell.name].take(cell, folder, hidden=cell.name in hidden)

    def result(self) -> bytes | None:
        """The log; None where no tool measured: it would say that nothing was found."""
        if not any(tool.measured for tool in self._tools.values()):
            return None
        gravest = sorted(self._kept, key=lambda entry: (-entry[0], -entry[1]))
        return within_upload(lambda limit: self._runs(gravest[:limit]), self._max_results)

    def _take(self, app: AppReport, folder: str, measured: Mapping[str, CellReport]) -> set[str]:
        """Take the weaknesses of an app; tools of which some have no file, and are left out."""
        hidden = set[str]()
        style = Style(app.main_file, every_tool=True, complete=True, decided=True, folder=folder)
        for weakness in app.weaknesses:
            finding = weakness.finding
            tool = tool_of(finding, measured)
            name = measured[tool].name if tool else OTHERS
            if not has_place(finding, style):
                self._unplaced += 1
                hidden.add(name)
                continue
            place, rank = self._placed.total(), SEVERITY_RANK[finding.severity]
            self._placed[finding.severity] += 1
            if tool:
                self._tools[name].placed += 1
            self._keep((-rank, -place, name, weakness, style))
        return hidden

    def _keep(self, entry: _Entry) -> None:
        if len(self._kept) < self._max_results:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def _runs(self, kept: Sequence[_Entry]) -> list[dict[str, Any]]:
        """A run per tool: those with the gravest results first, then those that found nothing."""
        of_tool: defaultdict[str, list[_Entry]] = defaultdict(list)
        for entry in kept:
            of_tool[entry[2]].append(entry)
        named = [name for name, tool in self._tools.items() if tool.measured]
        names = [*of_tool, *(name for name in named if name not in of_tool)]
        tools = {name: tool.cell for name, tool in self._tools.items()}
        shared = sharing({name: cell for name, cell in tools.items() if cell.tool != ALL_TOOLS})
        runs = [self._run(name, of_tool[name]) for name in names if name not in shared]
        if together := [name for name in names if name in shared]:
            runs.append(self._shared({name: of_tool[name] for name in together}))
        first = [*self._left_out(len(kept))]
        return [self._log(run, () if number else first) for number, run in enumerate(runs)]

    def _run(self, name: str, kept: Sequence[_Entry]) -> _Run:
        tool = self._tools.get(name)
        if tool is None:
            return _Run((name, self._pipeline), kept)
        where = (self._pipeline,) if self._is_cut({name: kept}) else self._where(name)
        lost = self._lost(name)
        return _Run((name, *where), kept, [("warning", lost)] if lost else [], [tool.cell])

    def _shared(self, of_tool: Mapping[str, Sequence[_Entry]]) -> _Run:
        """One run of several tools; its category names each of them and what it looked at."""
        text = f"more tools than runs: this one has what is of {', '.join(of_tool)}"
        lost = [(name, self._lost(name)) for name in of_tool]
        notices = [("note", text), *(("warning", f"{name} {why}") for name, why in lost if why)]
        members = digest_of("/".join((name, *self._where(name))) for name in of_tool)
        where = self._pipeline if self._is_cut(of_tool) else members
        kept = [entry for entries in of_tool.values() for entry in entries]
        return _Run((SHARED, where), kept, notices, [self._tools[name].cell for name in of_tool])

    def _where(self, name: str) -> tuple[str, ...]:
        """Names the apps that a tool looked at; empty: all of the fleet, and all have a file."""
        tool = self._tools[name]
        every = self._every(name)
        seen = tool.seen.joined(every.seen) if every else tool.seen
        whole = self._whole and seen.size == self._apps and not tool.hidden
        return () if whole else (seen.name,)

    def _is_cut(self, of_tool: Mapping[str, Sequence[_Entry]]) -> bool:
        """Whether something is missing in a run of these tools, or GitHub will not show it."""
        tools = [(self._tools[name], kept) for name, kept in of_tool.items()]
        lost = any(tool.cut or len(kept) < tool.placed for tool, kept in tools)
        return lost or sum(map(len, of_tool.values())) > SHOWN_RESULTS

    def _lost(self, name: str) -> str:
        """On how many apps a tool did not measure, and why; empty: on none."""
        tool, every = self._tools[name], self._every(name)
        lost = tool.lost + every.lost if every else tool.lost
        why = "; ".join(f"{apps:,} {reason}" for reason, apps in lost.most_common(_REASONS))
        text = f"did not measure {lost.total():,} apps, whose alerts stay as they are: {why}"
        return text if lost else ""

    def _every(self, name: str) -> _Tool | None:
        """What stands for all tools of this one's analyzer, on apps where that left nothing."""
        every = f"{self._tools[name].cell.analyzer.value}/{ALL_TOOLS}"
        return self._tools.get(every) if every != name else None

    def _log(self, run: _Run, first: Sequence[Notice]) -> dict[str, Any]:
        notices = [*first, *run.notices]
        if len(run.kept) > SHOWN_RESULTS:
            shown = f"GitHub shows {SHOWN_RESULTS:,} of the {len(run.kept):,} results of a run"
            notices.append(("note", shown))
        seen = listed([(entry[3], entry[4]) for entry in run.kept], [])
        automation_id = identified(self._fleet, *run.parts, self._pipeline)
        log = run_of({"name": PRODUCT}, automation_id, invocation_of(True, notices), seen)
        log["originalUriBaseIds"] = {SOURCE_ROOT: {"description": {"text": "the fleet's folder"}}}
        if run.cells:
            log["tool"]["extensions"] = [driver_of(cell) for cell in run.cells]
        return log

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
                yield "warning", f"{name} has no run: it {self._lost(name)}"


def _without_findings(cell: CellReport) -> CellReport:
    report = cell.report.model_copy(update={"findings": (), "metrics": (), "data": {}})
    return cell.model_copy(update={"record": cell.record.model_copy(update={"report": report})})
