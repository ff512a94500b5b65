"""All tables of the star schema, and the rows of one app in each."""

from collections.abc import Iterator
from typing import Any

from reports.tables.apps import APPS
from reports.tables.cells import CELLS
from reports.tables.figures import METRICS, REQUIREMENTS
from reports.tables.findings import FINDINGS
from reports.tables.schema import OneApp, Table

TABLES: tuple[Table[Any], ...] = (APPS, CELLS, FINDINGS, METRICS, REQUIREMENTS)


def rows_of(of: OneApp) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name of a table and a row, for all rows of one app."""
    for table in TABLES:
        for row in table.rows(of):
            yield table.name, row
