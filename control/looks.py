"""Where the tools of a pipeline looked: the one function that all pages have their figures of."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind, Category
from contract.outcome import ALL_TOOLS
from contract.overview import AppsAsked, CellsLooked, LooksOverview
from contract.record import AppRecord, PipelineRecord
from contract.role import AppRole
from contract.spec import AppRef
from control.void_tools import ToolKey
from reports.filling import why_missing

_MEASURED, _APP_FAILED = MeasurementState.MEASURED, MeasurementState.APP_FAILED
_LOST = (MeasurementState.INFRA_FAILED, _APP_FAILED)
_NOBODY = AppRef(model="-", app_number=1)
_SUBJECTS = (AppRole.SUBJECT,)


@dataclass(slots=True)
class Looks:
    """What came of the looks of one tool at the apps that it should look at.

    Attributes:
        looks_for: categories that it looks for; of a tool that never told, those of its analyzer.
        states: apps by the state of its look, as the matrix has it: also where nothing was recorded
            and nothing will be.
        not_recorded: those of them that the platform or the app failed, of which nothing is
            recorded.
        not_begun: apps of which nothing is recorded yet, and something may still be.
        partial: measured apps at which it looked at a part of what it was given.
    """

    looks_for: frozenset[Category]
    states: Counter[MeasurementState] = field(default_factory=Counter[MeasurementState])
    not_recorded: int = 0
    not_begun: int = 0
    partial: int = 0

    @property
    def lost(self) -> int:
        """Apps of which it will not tell what it would have found."""
        return sum(self.states[state] for state in _LOST)

    @property
    def apps(self) -> int:
        """Apps that it should look at."""
        return self.states.total() + self.not_begun


def looks_of(
    recorded: LooksOverview,
    void: Mapping[ToolKey, str],
    roles: Collection[AppRole] = _SUBJECTS,
    models: Collection[str] = (),
) -> dict[ToolKey, Looks]:
    """The looks of each tool, by analyzer and name.

    An analyzer of which nothing is recorded at all has one tool `*`.

    Args:
        recorded: what there is.
        void: tools that are not to be believed; control apps, which show it, keep what they show.
        roles: of apps with these alone.
        models: of apps of these alone; none: all.
    """
    told = {(tool.analyzer, tool.tool): tool for tool in recorded.tools}
    groups = dict.fromkeys((group.model, group.role) for group in recorded.apps)
    wanted = [(m, r) for m, r in groups if r in roles and (not models or m in models)]
    found: dict[ToolKey, Looks] = {}
    for key in _tools(recorded):
        seen = told.get(key)
        own = seen.looks_for if seen else None
        looks = found[key] = Looks(frozenset(key[0].row.looks_for if own is None else own))
        for model, role in wanted:
            is_void = key in void and role is not AppRole.CONTROL
            apps = [one for one in recorded.apps if (one.model, one.role) == (model, role)]
            cells = [one for one in recorded.cells if (one.model, one.role) == (model, role)]
            imported = seen is not None and seen.imported
            _add(looks, key, apps, cells, recorded.state, is_void=is_void, imported=imported)
    return found


def _tools(recorded: LooksOverview) -> Iterator[ToolKey]:
    named: defaultdict[AnalyzerKind, set[str]] = defaultdict(set)
    for tool in recorded.tools:
        named[tool.analyzer].add(tool.tool)
    for kind in AnalyzerKind:
        if kind in recorded.asked or kind in named:
            yield from ((kind, tool) for tool in sorted(named[kind] - {ALL_TOOLS}) or (ALL_TOOLS,))


def _add(
    looks: Looks,
    key: ToolKey,
    apps: Sequence[AppsAsked],
    cells: Sequence[CellsLooked],
    pipeline_state: str,
    *,
    is_void: bool,
    imported: bool,
) -> None:
    """Add what is recorded of apps of one model and role, and what is missing."""
    kind, tool = key
    missing = Counter[MeasurementState | None]()
    for group in apps:
        if group.analyzers is None or kind in group.analyzers:
            missing[_sort(kind, group.state)] += group.apps
    for cell in cells:
        if cell.analyzer is kind and cell.tool in (tool, ALL_TOOLS):
            lost = is_void and cell.state is _MEASURED
            looks.states[MeasurementState.INFRA_FAILED if lost else cell.state] += cell.cells
            looks.partial += cell.partial if cell.state is _MEASURED and not is_void else 0
            missing[None] -= cell.unfinished
            missing[_APP_FAILED] -= cell.app_failed
            missing[_MEASURED] -= cell.cells - cell.unfinished - cell.app_failed
    pipeline = PipelineRecord(pipeline_id="", state=pipeline_state)
    for state, number in missing.items():
        if number <= 0:
            continue
        if state is None and pipeline_state == "running" and not imported:
            looks.not_begun += number
            continue
        app = AppRecord(ref=_NOBODY, state=state)
        stands, _ = why_missing(pipeline, app, kind, imported=imported)
        looks.states[stands] += number
        looks.not_recorded += number if stands in _LOST else 0


def _sort(kind: AnalyzerKind, state: MeasurementState | None) -> MeasurementState | None:
    """The state of an app, as far as it tells why a cell is missing."""
    return state if state is None or (kind.is_live and state is _APP_FAILED) else _MEASURED
