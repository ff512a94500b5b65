"""The matrix of apps and tools as a page lays it out: blocks of columns, rows of fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.analysis import MeasurementState
from contract.outcome import ALL_TOOLS
from reports.glance import Field

# Tools beside one another that can still be read on a portrait A4.
WIDEST_MATRIX = 40
Columns = dict[str, list[str]]
"""Tools by analyzer."""


@dataclass(frozen=True, slots=True)
class GridField:
    """One field of the matrix; `span` columns wide where it stands for a whole analyzer."""

    field: Field
    span: int

    @property
    def text(self) -> str | None:
        """The number to show; None: there is none."""
        return None if self.field.count is None else f"{self.field.count:,}"

    @property
    def classes(self) -> str:
        """How it looks."""
        text = self.text or ""
        looks = {
            "wide": self.span > 2,
            "zero": text == "0",
            "long": len(text) > 3,
            "part": self.field.is_part,
        }
        return " ".join((self.field.state.value, *(name for name, it_is in looks.items() if it_is)))


def by_analyzer(pairs: Sequence[tuple[str, str]]) -> Columns:
    """Columns, given as analyzer and tool, as tools by analyzer."""
    columns: Columns = {}
    for analyzer, tool in pairs:
        columns.setdefault(analyzer, []).append(tool)
    return columns


def in_blocks(columns: Columns) -> tuple[Columns, ...]:
    """The columns as tables that fit on paper, split between analyzers if that is possible."""
    blocks: list[Columns] = [{}]
    for analyzer, tools in columns.items():
        for start in range(0, len(tools), WIDEST_MATRIX):
            part = tools[start : start + WIDEST_MATRIX]
            if sum(map(len, blocks[-1].values())) + len(part) > WIDEST_MATRIX:
                blocks.append({})
            blocks[-1][analyzer] = part
    return tuple(block for block in blocks if block)


def grid(fields: Mapping[str, Field], columns: Columns) -> tuple[GridField, ...]:
    """One row of one block."""
    row: list[GridField] = []
    for analyzer, tools in columns.items():
        whole = fields.get(f"{analyzer}/{ALL_TOOLS}")
        if whole and not any(f"{analyzer}/{tool}" in fields for tool in tools if tool != ALL_TOOLS):
            row.append(GridField(whole, len(tools)))
        else:
            found = (fields.get(f"{analyzer}/{tool}", _NOT_ASKED) for tool in tools)
            row += [GridField(one, 1) for one in found]
    return tuple(row)


_NOT_ASKED = Field(MeasurementState.NOT_APPLICABLE, hint="this app was not to be looked at by it")
