"""Lines and columns of an app's files: converts each tool's counting to that of editors.

An editor ends lines at LF, CR LF and CR. JavaScript also ends them at U+2028 and U+2029, YAML also
at U+0085, some tools only at LF; none ends a line at a form feed, as `str.splitlines` does. Tools
count columns in characters, in UTF-16 units or in bytes of UTF-8.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from analyzers.runtime.source.text import encoding_of

Ends = Literal["editor", "script", "yaml", "lf"]
Unit = Literal["characters", "utf-16", "utf-8"]
_ENDS: dict[Ends, re.Pattern[str]] = {
    "editor": re.compile(r"\r\n|\r|\n"),
    "script": re.compile(r"\r\n|[\r\n\u2028\u2029]"),
    "yaml": re.compile(r"\r\n|[\r\n\x85\u2028\u2029]"),
    "lf": re.compile(r"\n"),
}
_FILES = 32


@dataclass(slots=True)
class _Text:
    """One file; `starts`: the beginnings of its lines, by kind of line end."""

    text: str
    starts: dict[Ends, list[int]] = field(default_factory=dict)

    def begins(self, ends: Ends) -> list[int]:
        """Offsets of the lines."""
        if ends not in self.starts:
            self.starts[ends] = [0, *(hit.end() for hit in _ENDS[ends].finditer(self.text))]
        return self.starts[ends]

    def line(self, number: int, ends: Ends) -> str:
        """One line with its end; empty where there is no such line."""
        begins = [*self.begins(ends)[number - 1 : number + 1], len(self.text)]
        return self.text[begins[0] : begins[1]] if number >= 1 and len(begins) > 1 else ""


class Lines:
    """Lines of the app's files, by path relative to the app's root and number from 1."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._text = lru_cache(maxsize=_FILES)(self._read)

    def __call__(self, path: str, line: int) -> str:
        """The text of one line without blanks around it; empty where there is no such line."""
        return self._text(path).line(line, "editor").strip()

    def number(self, path: str, line: int, ends: Ends) -> int:
        """The editor's number of the line that has `number` when counted by `ends`."""
        return self.place(path, line, 0, ends, "characters")[0]

    def column(self, path: str, line: int, column: int, unit: Unit) -> int | None:
        """A column counted in `unit` from 1, converted to characters; None for a column below 1."""
        return self.place(path, line, column, "editor", unit)[1]

    def place(
        self, path: str, line: int, column: int, ends: Ends, unit: Unit
    ) -> tuple[int, int | None]:
        """An editor's line and column (in characters) for those of a tool.

        A place beyond the file or the line is returned unchanged; a column below 1 becomes None.
        """
        text = self._text(path)
        begins = text.begins(ends)
        if not 1 <= line <= len(begins):
            return line, column if column >= 1 else None
        before = _characters(text.line(line, ends), column, unit)
        at = begins[line - 1] + (before or 0)
        editor = text.begins("editor")
        number = bisect_right(editor, at)
        if column < 1:
            return number, None
        return number, column if before is None else at - editor[number - 1] + 1

    def _read(self, path: str) -> _Text:
        try:
            data = (self._root / path).read_bytes()
        except OSError:
            return _Text("")
        return _Text(data.decode(encoding_of(data), errors="replace").removeprefix("\ufeff"))


def _characters(line: str, column: int, unit: Unit) -> int | None:
    """How many characters stand before a column of a line; None where it has no such column."""
    if column < 1:
        return 0
    units = column - 1
    if unit == "characters":
        return units if units <= len(line) else None
    coding, width = ("utf-16-le", 2) if unit == "utf-16" else ("utf-8", 1)
    data = line.encode(coding, errors="surrogatepass")
    if units * width > len(data):
        return None
    return len(data[: units * width].decode(coding, errors="ignore"))


def line_reader(root: Path) -> Lines:
    """Reader of single lines of the app's files."""
    return Lines(root)
