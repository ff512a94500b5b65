"""Says whether two Parquet files hold the same rows, in bounded memory."""

from pathlib import Path
from typing import Any

from clients.parquet import quoted
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError

_MEMORY = "512MB"


class TableDifference(Frozen):
    """Two files of one table.

    Attributes:
        rows: of the second file.
        only_first, only_second: rows that only one of them has; equal rows count as often as they
            are there.
    """

    rows: int
    only_first: int
    only_second: int


def compare_parquet(first: Path, second: Path, folder: Path) -> TableDifference:
    """Compare two files of one table; the order of rows does not count.

    Args:
        first: one file.
        second: the other.
        folder: for what does not fit into memory.

    Raises:
        PlatformError: DATA_LOSS: one of them cannot be read, or they have other columns.
    """
    import duckdb  # late: 70 MB that no other command needs

    settings: dict[str, Any] = {"memory_limit": _MEMORY, "temp_directory": str(folder)}
    a, b = (f"SELECT * FROM read_parquet({quoted(path)})" for path in (first, second))  # noqa: S608 (our own names)
    try:
        with duckdb.connect(":memory:", config=settings) as connection:

            def count(query: str) -> int:
                row = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()  # noqa: S608
                return row[0] if row else 0

            return TableDifference(
                rows=count(b),
                only_first=count(f"({a}) EXCEPT ALL ({b})"),
                only_second=count(f"({b}) EXCEPT ALL ({a})"),
            )
    except duckdb.Error as error:
        message = f"{first.name} cannot be compared: {str(error).splitlines()[0]}"
        raise PlatformError(ErrorCode.DATA_LOSS, message) from error
