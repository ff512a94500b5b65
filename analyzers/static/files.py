"""Copies and lines of an app's files, as the tools are given them and as findings quote them."""

import codecs
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

Lines = Callable[[str, int], str]
"""The text of one line of an app's file (path relative to the app's root, line from 1)."""

_LINE_END = re.compile(r"\r\n|\r|\n")  # a form feed or U+2028 ends no line for these tools
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


def line_reader(root: Path) -> Lines:
    """Reader of single lines of the app's files; empty where there is no such line."""

    @lru_cache(maxsize=32)
    def lines_of(path: str) -> tuple[str, ...]:
        try:
            text = as_utf8((root / path).read_bytes()).decode("utf-8", errors="replace")
        except OSError:
            return ()
        return tuple(_LINE_END.split(text))

    def read(path: str, line: int) -> str:
        lines = lines_of(path)
        return lines[line - 1].strip() if 1 <= line <= len(lines) else ""

    return read


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
