"""Tables for spreadsheets: CSV in pieces, one app after the other."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reports.tables.schema import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\n")
# Python's writer leaves a lone return without quotes, and readers begin a row there.
_LINE_ENDS = re.compile("\r\n?")
# Control characters: a terminal obeys them, and C programs end a text at NUL.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")


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
        case str():
            text = _UNPRINTABLE.sub("\ufffd", _LINE_ENDS.sub("\n", value))
            return f"'{text}" if text[:1] in _FORMULA else text
        case _:
            return value
