"""Lines and columns as an editor shows them, whatever a tool counts and however a file is saved."""

import codecs
from pathlib import Path

import pytest

from analyzers.static.files import in_utf8, plain
from analyzers.static.lines import Ends, Lines, Unit

ODD = ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "😀", "é"]


def reader(root: Path, text: str | bytes, name: str = "a.js") -> Lines:
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Lines(root)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_no_odd_character_ends_a_line(tmp_path: Path, odd: str, end: str, mark: bytes):
    lines = reader(tmp_path, mark + f"a{odd}b{end}{end}  c = d{end}".encode())

    assert [lines("a.js", number) for number in range(1, 5)] == [f"a{odd}b", "", "c = d", ""]


@pytest.mark.parametrize(
    ("coding", "name", "first"),
    [
        ("utf-8-sig", "a.py", ""),
        ("utf-16", "a.js", ""),
        ("utf-32", "a.js", ""),
        ("latin-1", "a.js", ""),
        ("latin-1", "a.py", "# coding: latin-1\n"),
        ("cp1251", "a.py", "# -*- coding: cp1251 -*-\n"),
    ],
)
def test_evidence_is_what_the_file_says_in_its_own_encoding(
    tmp_path: Path, coding: str, name: str, first: str
):
    word = "привет" if coding == "cp1251" else "é"
    lines = reader(tmp_path, f"{first}x = '{word}'\n".encode(coding), name)

    assert lines(name, 1 + first.count("\n")) == f"x = '{word}'"


@pytest.mark.parametrize(("unit", "column"), [("characters", 4), ("utf-16", 5), ("utf-8", 8)])
def test_columns_of_any_unit_are_characters(tmp_path: Path, unit: Unit, column: int):
    lines = reader(tmp_path, "x\né😀 call()\n")

    assert lines.column("a.js", 2, column, unit) == 4
    assert lines.column("a.js", 2, 0, unit) is None
    assert lines.column("a.js", 2, 99, unit) == 99


def test_columns_in_utf_8_hold_for_a_file_that_is_in_latin_1(tmp_path: Path):
    lines = reader(tmp_path, "# coding: latin-1\néé f()\n".encode("latin-1"), "a.py")

    assert lines.column("a.py", 2, 6, "utf-8") == 4


@pytest.mark.parametrize(
    ("text", "ends", "told", "shown"),
    [
        ("a\u2028bc\nd", "script", (2, 2), (1, 4)),
        ("a\u2029\u2028\nd😀e", "script", (4, 4), (2, 3)),
        ("a\x85b\nc", "yaml", (3, 1), (2, 1)),
        ("a\x85b\nc", "script", (2, 1), (2, 1)),
        ("a\rbc\nd", "lf", (1, 4), (2, 2)),
        ("a\r\nbc\nd", "lf", (3, 1), (3, 1)),
        ("a\f\nb", "script", (2, 1), (2, 1)),
        ("a", "script", (7, 3), (7, 3)),
        ("", "lf", (1, 0), (1, None)),
    ],
)
def test_a_place_is_found_whatever_ends_a_tools_lines(
    tmp_path: Path, text: str, ends: Ends, told: tuple[int, int], shown: tuple[int, int | None]
):
    assert reader(tmp_path, text).place("a.js", *told, ends, "utf-16") == shown


def test_a_file_that_is_gone_has_no_line(tmp_path: Path):
    lines = Lines(tmp_path)

    assert (lines("gone.js", 1), lines("gone.js", 9)) == ("", "")
    assert lines.place("gone.js", 3, 2, "script", "utf-16") == (3, 2)


def test_a_copy_keeps_its_offsets_where_lines_are_made_plain():
    data = codecs.BOM_UTF8 + b"a\rb\r\nc\r\r\n"

    assert plain(data) == b"a\nb\r\nc\n\r\n"
    assert plain(b"\xe9\r") == "é\n".encode()


@pytest.mark.parametrize(
    ("data", "given"),
    [
        (b"# coding: latin-1\n\xe9", "# coding: latin-1\né".encode()),
        (b"# coding: nonsense\n\xe9", b"# coding: nonsense\n\xe9"),
        (b"# coding: rot13\n\xe9", b"# coding: rot13\n\xe9"),
        (b"\xe9", b"\xe9"),
    ],
)
def test_python_is_given_in_utf_8_only_where_python_would_read_it(data: bytes, given: bytes):
    assert in_utf8(data) == given
