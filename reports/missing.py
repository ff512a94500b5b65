"""What was not measured, by state and reason. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from contract.analysis import MeasurementState
from reports.model import AppReport, CellReport
from reports.parts import MissingGroup

# Reasons may quote what an app says; so their number is bounded, and the rest is counted.
_GROUPS, _NAMED, _NOTES = 2_000, 50, 50
_Key = tuple[MeasurementState, str]
_ORDER = tuple(MeasurementState)


@dataclass(slots=True)
class _Group:
    count: int = 0
    cells: list[str] = field(default_factory=list[str])
    notes: dict[str, None] = field(default_factory=dict[str, None])


class Missing:
    """Reducer: groups of cells that were not measured for the same reason.

    Attributes:
        left_out: cells whose reasons are beyond the number of reasons that are kept.
    """

    def __init__(self) -> None:
        self._groups: dict[_Key, _Group] = {}
        self.left_out = 0

    def add(self, app: AppReport) -> None:
        """Count an app."""
        for cell in app.cells:
            if cell.state is not MeasurementState.MEASURED:
                self._add(app, cell)

    def _add(self, app: AppReport, cell: CellReport) -> None:
        key = (cell.state, cell.report.reason)
        if key not in self._groups and len(self._groups) >= _GROUPS:
            self.left_out += 1
            return
        group = self._groups.setdefault(key, _Group())
        group.count += 1
        if len(group.cells) < _NAMED:
            group.cells.append(f"{cell.ref.label}/{cell.name}")
        if cell.state is MeasurementState.APP_FAILED and len(group.notes) < _NOTES:
            group.notes.update(dict.fromkeys(app.facts.notes))

    def result(self) -> tuple[MissingGroup, ...]:
        """The groups by state, the largest one first."""
        return tuple(self._ordered())

    def _ordered(self) -> Iterator[MissingGroup]:
        for (state, reason), group in sorted(
            self._groups.items(),
            key=lambda item: (_ORDER.index(item[0][0]), -item[1].count, item[0][1]),
        ):
            yield MissingGroup(
                state=state,
                reason=reason,
                count=group.count,
                cells=tuple(group.cells),
                notes=tuple(group.notes)[:_NOTES],
            )
