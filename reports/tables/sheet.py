"""Tables for spreadsheets: CSV in pieces, one app after the other."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from reports.tables.schema import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_head(table: Table[Any, Any]) -> bytes:
    """The first line: names of the columns."""
    return _lines([[column.name for column in table.columns]])


def csv_lines(table: Table[Any, Any], of: object) -> bytes:
    """The lines of one app, or of a fleet. What is not known is empty, never a zero."""
    return csv_of(table.rows(of))


def csv_of(rows: Iterable[Mapping[str, object]]) -> bytes:
    """The lines of these rows."""
    return _lines([_text(value) for value in row.values()] for row in rows)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _text(value: object) -> object:
    """A value as a spreadsheet reads it; apps under test choose some, and none is a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return _text("; ".join(map(str, value)))
        case str() if value[:1] in _FORMULA:
            return f"'{value}"
        case _:
            return value
