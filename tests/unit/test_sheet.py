"""CSV with texts that apps chose: each stays in its cell, and none is a formula."""

import csv
import io
from pathlib import Path

import duckdb
import pytest

from reports.tables.sheet import csv_of

HOSTILE = [
    "=HYPERLINK(1)",
    "a\r=HYPERLINK(1)",
    "\r=1",
    "\n=1",
    "\t=1",
    "a\r\n=1",
    "\r\r\n+1",
    "a\u2028=1\u2029=1\x85=1\x0b=1\x0c=1\x1c=1",
    "a\0=1\x1b[31m",
    '"\r"=1',
    "-1+1",
    "@SUM(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_one_cell_and_no_formula(text: str, tmp_path: Path):
    rows = [{"a": "first", "b": text, "c": [text, text]}, {"a": "second", "b": "", "c": []}]
    data = csv_of(rows)
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n" + data)

    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    sql = "SELECT a, b, c FROM read_csv(?, header = true, all_varchar = true)"
    by_duckdb = duckdb.execute(sql, [str(tmp_path / "x.csv")]).fetchall()
    assert [row[0] for row in read] == [row[0] for row in by_duckdb] == ["first", "second"]
    assert [len(row) for row in read] == [3, 3]
    assert by_duckdb[0][1] == read[0][1]
    assert not read[0][1].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert "\r" not in data.decode()
    assert all(line.isprintable() for line in data.decode().replace("\t", " ").split("\n"))


@pytest.mark.parametrize("value", [-1.5, 0, 12])
def test_a_number_stays_one(value: float):
    assert csv_of([{"a": value}]) == f"{value}\n".encode()


def test_what_is_not_known_is_empty():
    assert csv_of([{"a": None, "b": 0, "c": False}]) == b",0,no\n"
