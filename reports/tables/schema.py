"""What a table is: its columns with their types, what they mean, and where their values come from.

Each column stands once, with its meaning and its value, so that documentation, CSV and Parquet
cannot differ.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from reports.model import AppReport
from reports.summary import AppSummary

TABLES_VERSION = "1.0"
"""First number: a column was renamed or removed; second: one was added."""

ColumnType = Literal[
    "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMPTZ", "DATE", "VARCHAR[]", "BIGINT[]"
]
"""A column's type, by its name in DuckDB; each may be NULL, which stands for what is not known."""
Source = TypeVar("Source")
Item = TypeVar("Item")
_BIGINT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class OneApp:
    """What the rows of one app are made of; only the table of apps needs its summary."""

    app: AppReport
    summary: AppSummary | None = None


@dataclass(frozen=True, slots=True)
class Column(Generic[Source, Item]):
    """One column; `value` reads it from the item that the row stands for, and where it is from."""

    name: str
    type: ColumnType
    meaning: str
    value: Callable[[Source, Item], object]


@dataclass(frozen=True, slots=True)
class Table(Generic[Source, Item]):
    """One table.

    Attributes:
        meaning: what a row stands for.
        key: columns that together name a row.
        items: what of a source (an app, or the report of a fleet) becomes a row.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column[Source, Item], ...]
    items: Callable[[Source], Iterable[Item]]

    def rows(self, of: Source) -> Iterator[dict[str, Any]]:
        """The rows of one source, in values that JSON has; None stands for what is not known."""
        for item in self.items(of):
            yield {column.name: plain(column.value(of, item)) for column in self.columns}


def plain(value: object) -> Any:
    """A value that JSON and DuckDB have: enums by their value, times in ISO 8601.

    What no column can hold becomes None: a number that is not finite, or beyond 64 bits.
    """
    match value:
        case StrEnum():
            return value.value
        case str():
            return value.encode(errors="replace").decode()
        case bool() | None:
            return value
        case int():
            return value if abs(value) <= _BIGINT_MAX else None
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat()
        case Mapping() | list() | tuple() | frozenset():
            return [plain(one) for one in value]
        case _:
            return str(value)
