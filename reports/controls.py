"""What the control apps of a pipeline say of its tools: recall, false alarms, and who was blind.

A control that a tool did not look at leaves that tool's score unknown: nobody knows whether it sees
what is there. A tool that looked, and missed what it must see, is not trusted on any app.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

from contract.analysis import Category, Finding, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.control import AnswerSheet, Label
from contract.outcome import ALL_TOOLS, FUSION
from contract.role import AppRole
from contract.roles import AUTO_FROM, short_label
from reports.control_results import (
    ControlResult,
    ControlsReport,
    FalseAlarm,
    LabelResult,
    ToolScore,
    VoidColumn,
)
from reports.labels import is_met, place_of, security
from reports.looks import Look, ToolKey, blind, fused_look, look_of, score, seen, version_of
from reports.model import AppReport, CellReport

_MEASURED = MeasurementState.MEASURED
_ALARMS_LISTED = 50


class ControlScores:
    """Takes every app of a pipeline; control apps come first.

    Args:
        spec: of the pipeline, as it is stored.
        columns: the tools of each analyzer that were seen on any app.
    """

    def __init__(
        self,
        spec: Mapping[str, Any] = MappingProxyType({}),
        columns: Mapping[AnalyzerKind, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self._columns = columns
        self._why_none = _why_none(spec.get("controls", "auto"))
        self._controls: list[ControlResult] = []
        self._looks: defaultdict[ToolKey, list[Look]] = defaultdict(list)
        self._fused: defaultdict[AnalyzerKind | None, list[Look]] = defaultdict(list)
        self._others: defaultdict[ToolKey, int] = defaultdict(int)
        self._whole: defaultdict[AnalyzerKind, list[Look]] = defaultdict(list)

    def add(self, app: AppReport) -> None:
        """Take an app into account; of subjects, only which version of a tool measured them."""
        if app.role is AppRole.CONTROL and app.sheet is not None:
            self._add_control(app, app.sheet)
        elif app.role is AppRole.SUBJECT:
            self._count_versions(app)

    def void(self) -> dict[ToolKey, str]:
        """Why a tool is not trusted, for each tool that missed what it must see."""
        reasons = ((key, blind(key, looks)) for key, looks in self._looks.items())
        return {key: reason for key, reason in reasons if reason}

    def result(self) -> ControlsReport:
        """What is known after the apps so far."""
        if not self._controls:
            return ControlsReport(why_none=self._why_none)
        void, looks = self.void(), self._every_look()
        return ControlsReport(
            controls=tuple(self._controls),
            tools=tuple(self._score(key, looks[key], void.get(key, "")) for key in sorted(looks)),
            fused=tuple(self._fused_score(kind, looks) for kind in _together_last(self._fused)),
            void=tuple(
                VoidColumn(analyzer=kind, tool=tool, reason=reason)
                for (kind, tool), reason in void.items()
            ),
        )

    def _add_control(self, app: AppReport, sheet: AnswerSheet) -> None:
        name = short_label(app.ref)
        cells = {(cell.analyzer, cell.tool): cell for cell in app.cells if _is_scored(cell, sheet)}
        for key, cell in cells.items():
            self._looks[key].append(look_of(name, sheet, cell))
        for cell in app.cells:
            if cell.tool == ALL_TOOLS:
                self._whole[cell.analyzer].append(look_of(name, sheet, cell))
        every = dict.fromkeys(cell.analyzer for cell in app.cells)
        kinds = [kind for kind in every if Category.SECURITY in kind.row.looks_for]
        for kind in (*kinds, None):
            self._fused[kind].append(fused_look(name, app, sheet, kind, cells))
        self._controls.append(_control(name, app, sheet, cells))

    def _every_look(self) -> dict[ToolKey, list[Look]]:
        """All looks; what an analyzer left of a control as a whole is the look of each tool."""
        order = {one.name: place for place, one in enumerate(self._controls)}
        looks = {key: list(its) for key, its in self._looks.items()}
        for kind, whole in self._whole.items():
            for tool in self._tools_of(kind):
                its = [*looks.get((kind, tool), ()), *whole]
                looks[kind, tool] = sorted(its, key=lambda look: order[look.control])
        return looks

    def _tools_of(self, kind: AnalyzerKind) -> set[str]:
        """Tools whose looks at controls were asked for, as far as that is known."""
        seen_here = {tool for known, tool in self._looks if known is kind}
        names = {name for look in self._whole[kind] for name in look.sheet.must_see}
        must = {tool for of, _, tool in (name.partition("/") for name in names) if of == kind.value}
        seen_anywhere = set(self._columns.get(kind, ())) - {ALL_TOOLS} or seen_here
        return seen_here | (must & seen_anywhere if seen_anywhere else must)

    def _count_versions(self, app: AppReport) -> None:
        for cell in app.cells:
            looks = self._looks.get((cell.analyzer, cell.tool), ())
            known = {look.version for look in looks if look.found is not None}
            if cell.state is _MEASURED and known and version_of(cell) not in known:
                self._others[cell.analyzer, cell.tool] += 1

    def _score(self, key: ToolKey, looks: Sequence[Look], void: str) -> ToolScore:
        kind, tool = key
        can_see = {f"{kind}/{tool}" in look.sheet.must_see for look in looks}
        of_its_kind = True in can_see or any(seen(look) for look in looks)
        figures = score(looks, lambda _look, _label: True, {kind} if of_its_kind else set())
        versions = {look.version[0] for look in looks if look.found is not None}
        return figures.model_copy(
            update={
                "analyzer": kind,
                "tool": tool,
                "versions": tuple(sorted(versions)),
                "other_versions": self._others[key],
                "void": void,
            }
        )

    def _fused_score(
        self, kind: AnalyzerKind | None, looks: Mapping[ToolKey, Sequence[Look]]
    ) -> ToolScore:
        kinds = {one for one in self._fused if one is not None} if kind is None else {kind}

        def is_certain(look: Look, label: Label) -> bool:
            """Whether every tool that is known to see the label had its look."""
            must = [t for t, ids in look.sheet.must_see.items() if label.id in ids]
            its = (looks.get(key, ()) for key in _keys(must, kinds))
            return not any(_is_lost(one) for one in chain(*its) if one.control == look.control)

        return score(self._fused[kind], is_certain, kinds).model_copy(update={"analyzer": kind})


def _keys(names: Iterable[str], kinds: Iterable[AnalyzerKind]) -> list[ToolKey]:
    """The tools of these analyzers that are named, `static/bandit`."""
    by_name = {kind.value: kind for kind in kinds}
    parts = (name.partition("/") for name in names)
    return [(by_name[kind], tool) for kind, _, tool in parts if kind in by_name]


def _is_lost(look: Look) -> bool:
    return look.found is None and not look.inapplicable


def _why_none(switch: str) -> str:
    """Why a pipeline has no control apps, if it has none."""
    if switch == "off":
        return "its spec says controls: off"
    if switch == "on":
        return "its plan has none"
    return (
        f"fleets of fewer than {AUTO_FROM} apps, and those that nothing looks for weaknesses in, "
        "have none unless their spec says controls: on"
    )


def _is_scored(cell: CellReport, sheet: AnswerSheet) -> bool:
    looks = Category.SECURITY in cell.looks_for or cell.name in sheet.must_see
    return looks and cell.tool not in (ALL_TOOLS, FUSION)


def _together_last(kinds: Iterable[AnalyzerKind | None]) -> list[AnalyzerKind | None]:
    return [*sorted(kind for kind in kinds if kind is not None), None]


def _control(
    name: str, app: AppReport, sheet: AnswerSheet, cells: Mapping[ToolKey, CellReport]
) -> ControlResult:
    alarms = [_alarm(found, cell) for cell in cells.values() for found in _alarming(sheet, cell)]
    return ControlResult(
        ref=app.ref,
        name=name,
        description=sheet.app.description,
        behaves=sheet.app.behaviour,
        state=app.state,
        reason=app.reason,
        is_clean=sheet.is_clean,
        labels=tuple(_label(label, sheet, cells) for label in sheet.weaknesses),
        false_alarms=tuple(alarms[:_ALARMS_LISTED]),
    )


def _label(label: Label, sheet: AnswerSheet, cells: Mapping[ToolKey, CellReport]) -> LabelResult:
    looked = [cell for cell in cells.values() if cell.state is _MEASURED]
    seen_by = [
        cell.name
        for cell in looked
        if any(is_met(label, f) for f in security(cell.report.findings))
    ]
    must = {tool for tool, ids in sheet.must_see.items() if label.id in ids}
    return LabelResult(
        id=label.id,
        cwe=label.cwe,
        title=label.title,
        severity=label.severity,
        place=place_of(label),
        seen_by=tuple(seen_by),
        missed_by=tuple(cell.name for cell in looked if cell.name in must - set(seen_by)),
    )


def _alarming(sheet: AnswerSheet, cell: CellReport) -> list[Finding]:
    return security(cell.report.findings) if sheet.is_clean else []


def _alarm(found: Finding, cell: CellReport) -> FalseAlarm:
    place = found.location
    source = f"{place.path}:{place.line}" if place.path and place.line else place.path
    return FalseAlarm(
        tool=cell.name,
        rule_id=found.rule_id,
        severity=found.severity,
        confidence=found.confidence,
        place=source or f"{place.method or ''} {place.url or ''}".strip(),
    )
