"""Parquet folders: whole or without a manifest, hostile texts kept, declared types kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clients.parquet import MANIFEST, ParquetFolder
from contract.errors import ErrorCode, PlatformError

TABLES = {
    "things": {
        "name": "VARCHAR",
        "size": "BIGINT",
        "at": "TIMESTAMPTZ",
        "tags": "VARCHAR[]",
        "sure": "BOOLEAN",
    },
    "none": {"x": "DOUBLE"},
}
FACTS = {"schema_version": "1.0", "pipeline": "o'hara"}
ROW: dict[str, Any] = {
    "name": "'; DROP TABLE x; --\0\x1b[31m\u202e😀",
    "size": 2**62,
    "at": datetime(2026, 3, 4, 12, 30, tzinfo=UTC).isoformat(),
    "tags": [],
    "sure": None,
}


def write(folder: Path, *rows: dict[str, Any]) -> None:
    with ParquetFolder(folder, TABLES, FACTS) as parquet:
        for row in rows:
            parquet.add("things", row)
        parquet.finish()


@pytest.mark.parametrize("name", ["plain", "we[i]rd *?'x"])
def test_rows_come_back_as_they_were_declared(tmp_path: Path, name: str):
    folder = tmp_path / name
    write(folder, ROW, ROW | {"name": None, "tags": ["a", "b"], "sure": True})

    file = str(folder / "things.parquet")
    first, second = duckdb.execute("SELECT * FROM read_parquet(?)", [file]).fetchall()
    assert first[0] == ROW["name"]
    assert first[1] == 2**62
    assert first[2] == datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    assert (first[3], first[4], second[0], second[3]) == ([], None, None, ["a", "b"])
    columns = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file]).fetchall()
    assert [row[1] for row in columns][-2:] == ["VARCHAR[]", "BOOLEAN"]
    facts = duckdb.execute("SELECT key, value FROM parquet_kv_metadata(?)", [file]).fetchall()
    assert dict(facts)[b"pipeline"] == b"o'hara"


def test_a_table_without_rows_has_its_columns(tmp_path: Path):
    write(tmp_path)

    empty = str(tmp_path / "none.parquet")
    assert duckdb.execute("SELECT x FROM read_parquet(?)", [empty]).fetchall() == []


def test_the_manifest_counts_the_rows_and_nothing_else_is_left(tmp_path: Path):
    write(tmp_path, ROW, ROW)

    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["tables"]["things"]["rows"] == 2
    assert manifest["schema_version"] == "1.0"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [MANIFEST, "none.parquet", "things.parquet"]
    )


def test_what_is_not_finished_replaces_nothing(tmp_path: Path):
    write(tmp_path, ROW)
    before = (tmp_path / "things.parquet").read_bytes()

    with pytest.raises(KeyError), ParquetFolder(tmp_path, TABLES, FACTS) as parquet:
        parquet.add("no such table", ROW)

    assert (tmp_path / "things.parquet").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_a_row_that_is_not_what_its_table_declares_is_an_error_without_manifest(tmp_path: Path):
    write(tmp_path, ROW)

    with pytest.raises(PlatformError, match="things") as wrong:
        write(tmp_path, ROW | {"size": "many"})

    assert wrong.value.code is ErrorCode.INTERNAL
    assert not (tmp_path / MANIFEST).exists()
