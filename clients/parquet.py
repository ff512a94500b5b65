"""A folder of Parquet files, one per table, written by DuckDB in bounded memory.

Rows go to a file of JSON lines while they come, so that no table is ever in memory. DuckDB then
turns each of these files into Parquet. `manifest.json` is written last: a folder without it is not
whole.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from clients.files import disk_faults, publish, remove_stale, temporary_file, write_atomically
from contract.errors import ErrorCode, PlatformError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MANIFEST = "manifest.json"
_MEMORY = "512MB"
_BLOCK_BYTES = 1024 * 1024
Columns = Mapping[str, str]
"""DuckDB's type by the name of a column."""


class ParquetFolder:
    """Writes tables into `folder`; a context manager. Nothing is replaced before `finish`.

    Args:
        folder: where the files go; earlier ones of the same names are replaced.
        tables: columns by the name of a table.
        facts: what the manifest and each file say of themselves (schema version, pipeline).

    Raises:
        PlatformError: a fault of the disk.
    """

    def __init__(
        self, folder: Path, tables: Mapping[str, Columns], facts: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._tables = tables
        self._facts = facts
        self._drafts: dict[str, tuple[BinaryIO, Path]] = {}
        self._rows = dict.fromkeys(tables, 0)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with disk_faults(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_stale(self._folder)
            for table in self._tables:
                draft = self._open.enter_context(temporary_file(self._folder))
                self._drafts[table] = draft
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Take one row. Its values are those that JSON has."""
        with disk_faults(self._folder):
            self._drafts[table][0].write(json.dumps(row).encode() + b"\n")
        self._rows[table] += 1

    def finish(self) -> tuple[Path, ...]:
        """Make the Parquet files, the manifest last; all that was written.

        Raises:
            PlatformError: a fault of the disk, or INTERNAL if a row is not what its table declares.
        """
        with disk_faults(self._folder):
            (self._folder / MANIFEST).unlink(missing_ok=True)
            with self._database() as connection:
                paths = [self._convert(table, connection) for table in self._tables]
            manifest = json.dumps(self._manifest(paths), indent=2).encode() + b"\n"
            write_atomically(self._folder / MANIFEST, manifest, self._folder)
        return (*paths, self._folder / MANIFEST)

    def _database(self) -> "DuckDBPyConnection":
        """One for all tables: to open it takes ten times as long as to write a small table."""
        import duckdb  # late: 70 MB that no other command needs

        settings: dict[str, Any] = {"memory_limit": _MEMORY, "temp_directory": str(self._folder)}
        return duckdb.connect(":memory:", config=settings)

    def _convert(self, table: str, connection: "DuckDBPyConnection") -> Path:
        import duckdb

        draft, draft_path = self._drafts[table]
        draft.flush()
        target = self._folder / f"{table}.parquet"
        with temporary_file(self._folder) as (file, path):
            try:
                connection.execute(self._copy(table, draft_path, path))
            except duckdb.Error as error:
                message = f"{table}: {error}"
                raise PlatformError(ErrorCode.INTERNAL, message) from error
            publish(file, path, target)
        return target

    def _copy(self, table: str, source: Path, target: Path) -> str:
        columns = _struct(self._tables[table])
        rows = (
            f"SELECT * FROM read_json({quoted(source)}, format = 'newline_delimited', "  # noqa: S608 (our own names)
            f"compression = 'uncompressed', columns = {columns})"
        )
        options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
        return f"COPY ({rows}) TO {quoted(target)} ({options}, KV_METADATA {_struct(self._facts)})"

    def _manifest(self, paths: list[Path]) -> dict[str, Any]:
        tables = {
            path.stem: {
                "file": path.name,
                "rows": self._rows[path.stem],
                "size_bytes": path.stat().st_size,
                "sha256": _digest(path),
                "columns": dict(self._tables[path.stem]),
            }
            for path in paths
        }
        return {**self._facts, "tables": tables}


def _struct(values: Columns) -> str:
    """A mapping of texts, as DuckDB writes them."""
    pairs = (f"{quoted(name)}: {quoted(value)}" for name, value in values.items())
    return f"{{{', '.join(pairs)}}}"


def quoted(value: object) -> str:
    """A text, as DuckDB writes it."""
    text = str(value).replace("'", "''")
    return f"'{text}'"


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            whole.update(block)
    return whole.hexdigest()
