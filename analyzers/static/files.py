"""Copies and lines of an app's files, as the tools are given them and as findings quote them."""

import codecs
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal

_SEPARATORS = ("\u2028", "\u2029")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_SCRIPT_LINE = re.compile(r"[^\r\n\u2028\u2029]*(?:\r\n|[\r\n\u2028\u2029])|[^\r\n\u2028\u2029]+\Z")
_FENCE = re.compile(rb"\s*(?:```|~~~)[\w+#.-]*[ \t]*\r?\n")
_HEAD_BYTES = 256
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def as_utf8(data: bytes) -> bytes:
    """Text in UTF-16 or UTF-32 that says so by its mark, in UTF-8; anything else as it is."""
    if not data.startswith((*_UTF16, *_UTF32)):
        return data
    coding = "utf-32" if data.startswith(_UTF32) else "utf-16"
    return data.decode(coding, errors="replace").encode()


def copy_files(
    root: Path, files: Iterable[str], target: Path, change: Callable[[bytes], bytes] = bytes
) -> None:
    """Copy `files` below `target`, which is made, each as `change` leaves it.

    In UTF-8 where a file says by its mark that it is in UTF-16: browsers and compilers read it.
    Python does not, so its files stay as they are.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        data = (root / name).read_bytes()
        destination.write_bytes(change(data if name.endswith(".py") else as_utf8(data)))


class Lines:
    """Lines of the app's files, by path relative to the app's root and number from 1.

    Python ends no line at a form feed; JavaScript ends one at U+2028 and U+2029.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._split = lru_cache(maxsize=32)(self._read)

    def __call__(self, path: str, line: int, *, script: bool = False) -> str:
        """The text of one line without what surrounds it; empty where there is no such line."""
        return self._line(path, line, script).strip()

    def column(
        self, path: str, line: int, column: int, unit: Literal["bytes", "utf-16"]
    ) -> int | None:
        """A column counted in `unit`, from 1, in characters; nothing for a column below 1."""
        if column < 1:
            return None
        coding = "utf-8" if unit == "bytes" else "utf-16-le"
        width = 1 if unit == "bytes" else 2
        text = self._line(path, line, script=unit == "utf-16")
        before = text.encode(coding, errors="surrogatepass")[: (column - 1) * width]
        if len(before) < (column - 1) * width:
            return column  # beyond the line: its own word stands
        return len(before.decode(coding, errors="ignore")) + 1

    def number(self, path: str, line: int) -> int:
        """The line, as editors and other tools count, of a line as JavaScript counts it."""
        parts = self._split(path, True)[: max(line - 1, 0)]
        return line - sum(part.endswith(_SEPARATORS) for part in parts)

    def _line(self, path: str, line: int, script: bool) -> str:
        lines = self._split(path, script)
        return lines[line - 1] if 1 <= line <= len(lines) else ""

    def _read(self, path: str, script: bool) -> tuple[str, ...]:
        try:
            text = as_utf8((self._root / path).read_bytes()).decode("utf-8", errors="replace")
        except OSError:
            return ()
        return tuple((_SCRIPT_LINE if script else _LINE).findall(text))


def line_reader(root: Path) -> Lines:
    """Reader of single lines of the app's files."""
    return Lines(root)


def is_fenced(path: Path) -> bool:
    """Whether the text begins with a Markdown code fence: an answer of a model, saved as it came.

    In JavaScript a fence is a template literal, so that parsers take the file for one long text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _FENCE.match(head.removeprefix(codecs.BOM_UTF8)) is not None
