"""What is fleet-wide and needed to read one app: learnt from a light pass over all cells. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from contract.analysis import Category, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from contract.record import AppRecord, CellState, PipelineRecord, by_app
from contract.spec import AppRef, AppRole
from reports.filling import filled, why_missing
from reports.rates import Look, Requirement, ToolKey, requirement_of

_Pattern = tuple[MeasurementState | None, AnalyzerKind, frozenset[tuple[str, MeasurementState]]]
_Idle = tuple[
    MeasurementState | None, tuple[AnalyzerKind, ...] | None, frozenset[AnalyzerKind]
]  # state of an app, analyzers it is for, analyzers that left something


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """What must be known of a fleet before a single app of it can be read.

    Attributes:
        outline: the pipeline without apps and cells.
        generated_at: when the report is made.
        columns: the tools of each analyzer, as they were asked for and seen.
        looks_for: categories of the findings that a tool looks for, by the name of its cells.
        imported: tools whose reports come from logs of somebody else.
        load_tools: load tests that ran on any app, in alphabetical order.
        required: what is required of each app.
        void: tools whose cells count as not measured, with the reason.
    """

    outline: PipelineRecord
    generated_at: datetime
    columns: Mapping[AnalyzerKind, tuple[str, ...]]
    looks_for: Mapping[str, tuple[Category, ...]]
    imported: frozenset[ToolKey]
    load_tools: tuple[str, ...]
    required: Requirement
    void: Mapping[ToolKey, str]

    @property
    def running(self) -> bool:
        """Whether more cells may still come."""
        return self.outline.state == "running"

    def voided(self, void: Mapping[ToolKey, str]) -> "FleetFacts":
        """The same fleet where these tools count as not measured on every app.

        They stay required: an app that only a tool without trust looked at was not looked at.
        """
        return replace(self, void=void)


class Overview:
    """Reads the states of all cells once, in any order of apps, and keeps next to nothing of them.

    Apps whose cells of an analyzer are in equal states are one pattern; so memory grows with the
    number of patterns, not with the number of apps.
    """

    def __init__(self, outline: PipelineRecord, generated_at: datetime) -> None:
        self._outline = outline.model_copy(update={"apps": (), "cells": (), "fused": ()})
        self._generated_at = generated_at
        self._asked = frozenset(outline.spec.get("analyzers", ()))
        self._seen: defaultdict[AnalyzerKind, set[str]] = defaultdict(set)
        self._looks_for: dict[str, tuple[Category, ...]] = {}
        self._found: defaultdict[ToolKey, set[Category]] = defaultdict(set)
        self._imported: set[ToolKey] = set()
        self._patterns: set[_Pattern] = set()
        self._idle: set[_Idle] = set()

    @classmethod
    def of(cls, record: PipelineRecord, generated_at: datetime) -> "Overview":
        """What a record says whose apps and cells are all in memory."""
        overview = cls(record, generated_at)
        cells = by_app(record.cells)
        for app in record.apps:
            overview.add(app, map(CellState.of, cells.get(app.ref, ())))
        return overview

    @property
    def today(self) -> date:
        """The day of the report."""
        return self._generated_at.date()

    def add(self, app: AppRecord, cells: Iterable[CellState]) -> None:
        """The states of the cells of one app; there may be none."""
        by_kind: defaultdict[AnalyzerKind, dict[str, MeasurementState]] = defaultdict(dict)
        for cell in cells:
            key = (cell.analyzer, cell.tool)
            by_kind[cell.analyzer][cell.tool] = cell.state
            self._seen[cell.analyzer].add(cell.tool)
            self._found[key].update(cell.found)
            if cell.imported:
                self._imported.add(key)
            if cell.looks_for is not None:
                self._looks_for[cell.name] = cell.looks_for
        if app.role is not AppRole.SUBJECT:
            return
        for kind, states in by_kind.items():
            self._patterns.add((app.state, kind, frozenset(states.items())))
        self._idle.add((app.state, app.analyzers, frozenset(by_kind)))

    def facts(self) -> FleetFacts:
        """What was learnt; nothing is void yet."""
        facts = FleetFacts(
            outline=self._outline,
            generated_at=self._generated_at,
            columns={
                kind: tuple(sorted(self._seen[kind] - {ALL_TOOLS})) or (ALL_TOOLS,)
                for kind in AnalyzerKind
                if kind.value in self._asked or kind in self._seen
            },
            looks_for=dict(self._looks_for),
            imported=frozenset(self._imported),
            load_tools=tuple(sorted(self._load_tools() - {ALL_TOOLS})),
            required=Requirement(),
            void={},
        )
        return replace(facts, required=requirement_of(self._looks(facts), running=facts.running))

    def _load_tools(self) -> set[str]:
        of_load = (tools for kind, tools in self._seen.items() if kind.row.figures == "load")
        return {tool for tools in of_load for tool in tools}

    def _looks(self, facts: FleetFacts) -> Iterator[Look]:
        """Each look that some app has or lacks, once for all apps that are alike."""
        for state, kind, known in self._patterns:
            yield from self._of_analyzer(facts, state, kind, dict(known))
        for state, of_app, kinds in self._idle:
            asked = facts.columns.keys() if of_app is None else facts.columns.keys() & of_app
            for kind in asked - kinds:
                yield from self._of_analyzer(facts, state, kind, {})

    def _of_analyzer(
        self,
        facts: FleetFacts,
        state: MeasurementState | None,
        kind: AnalyzerKind,
        known: Mapping[str, MeasurementState],
    ) -> Iterator[Look]:
        app = AppRecord(ref=_NOBODY, state=state)

        def lost(tool: str) -> MeasurementState:
            imported = (kind, tool) in facts.imported
            return why_missing(self._outline, app, kind, imported=imported)[0]

        def look(tool: str, found: MeasurementState, recorded: bool) -> Look:
            return Look(kind, tool, found, recorded, self._is_security(facts, kind, tool))

        yield from filled(
            facts.columns[kind],
            {tool: look(tool, found, True) for tool, found in known.items()},
            missing=lambda tool: look(tool, lost(tool), False),
            as_tool=lambda whole, tool: look(tool, whole.state, True),
        )

    def _is_security(self, facts: FleetFacts, kind: AnalyzerKind, tool: str) -> bool:
        looks_for = facts.looks_for.get(f"{kind}/{tool}", tuple(kind.row.looks_for))
        return Category.SECURITY in {*looks_for, *self._found.get((kind, tool), ())}


_NOBODY = AppRef(model="-", app_number=1)
