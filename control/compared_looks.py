"""Where tools looked in two pipelines: a change that nobody could see is in no count."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from contract.analysis import Category, MeasurementState
from contract.base import Frozen
from contract.limits import REASON_CHARS
from contract.outcome import ALL_TOOLS
from contract.scans import LostTool
from contract.shortening import shortened
from reports.model import AppReport, CellReport

_EXAMPLES = 5
_LOST = (MeasurementState.INFRA_FAILED, MeasurementState.APP_FAILED)


class Looked(StrEnum):
    """In which of two pipelines a tool looked at an app."""

    BOTH = "both"
    THEN = "then_only"
    NOW = "now_only"
    NEITHER = "neither"


class LookCounts(Frozen):
    """How many looks (a tool at an app) there are.

    Where there is nothing for a tool to look at in one pipeline, nothing is missing there.

    Attributes:
        both: in both pipelines.
        then_only, now_only: in one alone: what the other one would have shown is not known.
        neither: in neither.
    """

    both: int = 0
    then_only: int = 0
    now_only: int = 0
    neither: int = 0

    @property
    def missing(self) -> int:
        """Looks after which nobody can say whether something is new or fixed."""
        return self.then_only + self.now_only + self.neither


class ComparedTool(Frozen):
    """Where one tool looked; `tool`: `static/bandit`."""

    tool: str
    looks: LookCounts


class Looks:
    """Counts looks app by app."""

    def __init__(self, categories: Collection[Category]) -> None:
        self._categories = frozenset(categories)
        self._tools: defaultdict[str, Counter[Looked]] = defaultdict(Counter[Looked])
        self._models: defaultdict[str, Counter[Looked]] = defaultdict(Counter[Looked])
        self._lost: dict[str, LostTool] = {}

    def add(self, then: AppReport, now: AppReport) -> LookCounts:
        """Count the looks at one app of both pipelines."""
        mine = Counter[Looked]()
        before, after = _by_name(then), _by_name(now)
        for name, cell in _lost_cells(before, after):
            self._lost[name] = _one_more(self._lost.get(name), name, now.ref.label, cell)
        for name, looked in self._looked(before, after):
            self._tools[name][looked] += 1
            mine[looked] += 1
        self._models[now.ref.model] += mine
        return counts_of(mine)

    def of_model(self, model: str) -> LookCounts:
        """Those at the apps of one model."""
        return counts_of(self._models[model])

    def total(self) -> LookCounts:
        """All of them."""
        return counts_of(sum(self._models.values(), Counter[Looked]()))

    def tools(self) -> tuple[ComparedTool, ...]:
        """Those of each tool."""
        return tuple(
            ComparedTool(tool=name, looks=counts_of(counts))
            for name, counts in sorted(self._tools.items())
        )

    def lost(self) -> tuple[LostTool, ...]:
        """Tools of all categories, and of none, that measured apps then and do not now."""
        return tuple(self._lost[name] for name in sorted(self._lost))

    def _looked(
        self, then: Mapping[str, CellReport], now: Mapping[str, CellReport]
    ) -> Iterator[tuple[str, Looked]]:
        """In which pipeline each tool looked, of those that look for what is compared."""
        for name in dict.fromkeys((*then, *now)):
            cells = [_cell(name, then), _cell(name, now)]
            looks_for = {category for cell in cells if cell for category in cell.looks_for}
            if self._categories.isdisjoint(looks_for) or _is_stand_in(name, then, now):
                continue
            if (looked := _looked(*cells)) is not None:
                yield name, looked


def counts_of(counts: Counter[Looked]) -> LookCounts:
    """The counts as a document."""
    return LookCounts(**{looked.value: counts[looked] for looked in Looked})


def _by_name(app: AppReport) -> dict[str, CellReport]:
    return {cell.name: cell for cell in app.cells}


def _cell(name: str, cells: Mapping[str, CellReport]) -> CellReport | None:
    """The cell of a tool, or the one that stands for all tools of its analyzer."""
    return cells.get(name) or cells.get(_stand_in(name))


def _stand_in(name: str) -> str:
    return f"{name.partition('/')[0]}/{ALL_TOOLS}"


def _is_stand_in(name: str, *both: Mapping[str, CellReport]) -> bool:
    """Whether it stands for tools that have cells of their own in the other pipeline."""
    kind = name.removesuffix(ALL_TOOLS)
    return name == _stand_in(name) and any(
        other != name and other.startswith(kind) for cells in both for other in cells
    )


def _lost_cells(
    then: Mapping[str, CellReport], now: Mapping[str, CellReport]
) -> Iterator[tuple[str, CellReport | None]]:
    """Tools that measured this app then and do not now, each with what is there instead."""
    for name in then:
        cell = _cell(name, now)
        if _is_measured(then[name]) and _is_lost(cell) and not _is_stand_in(name, then, now):
            yield name, cell


def _one_more(known: LostTool | None, name: str, app: str, cell: CellReport | None) -> LostTool:
    if known is None:
        reason = (
            shortened(cell.report.reason, REASON_CHARS)
            if cell
            else "the tool is not there any more"
        )
        return LostTool(tool=name, apps=1, examples=(app,), reason=reason)
    examples = (*known.examples, app)[:_EXAMPLES]
    return known.model_copy(update={"apps": known.apps + 1, "examples": examples})


def _looked(then: CellReport | None, now: CellReport | None) -> Looked | None:
    """None: in one of them there is nothing to look at, and in the other nothing was lost."""
    lost = _is_lost(then), _is_lost(now)
    if not any(lost):
        measured = (_is_measured(then), _is_measured(now))
        return Looked.BOTH if all(measured) else None
    if lost[0] and _is_measured(now):
        return Looked.NOW
    return Looked.THEN if lost[1] and _is_measured(then) else Looked.NEITHER


def _is_lost(cell: CellReport | None) -> bool:
    return cell is None or not cell.recorded or cell.state in _LOST


def _is_measured(cell: CellReport | None) -> bool:
    return cell is not None and cell.state is MeasurementState.MEASURED
