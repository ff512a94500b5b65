"""All tables of the star schema, and what they are for programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.model import FleetReport
from reports.tables.apps import APPS
from reports.tables.cells import CELLS
from reports.tables.figures import METRICS, REQUIREMENTS
from reports.tables.findings import FINDINGS
from reports.tables.schema import TABLES_VERSION, OneApp, Table
from reports.tables.study import FIGURES

OF_APPS: tuple[Table[OneApp, Any], ...] = (APPS, CELLS, FINDINGS, METRICS, REQUIREMENTS)
OF_FLEET: tuple[Table[FleetReport, Any], ...] = (FIGURES,)
TABLES: tuple[Table[Any, Any], ...] = (*OF_APPS, *OF_FLEET)
Row = tuple[str, dict[str, Any]]
"""Name of a table, and one of its rows."""
_JSON_TYPES: Mapping[str, Mapping[str, Any]] = {
    "VARCHAR": {"type": "string"},
    "BIGINT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "BOOLEAN": {"type": "boolean"},
    "TIMESTAMPTZ": {"type": "string", "format": "date-time"},
    "DATE": {"type": "string", "format": "date"},
}


def rows_of(of: OneApp) -> Iterator[Row]:
    """All rows of one app."""
    for table in OF_APPS:
        for row in table.rows(of):
            yield table.name, row


def rows_of_fleet(report: FleetReport) -> Iterator[Row]:
    """All rows of the fleet itself."""
    for table in OF_FLEET:
        for row in table.rows(report):
            yield table.name, row


def types_of(table: Table[Any, Any]) -> dict[str, str]:
    """DuckDB's type by the name of a column."""
    return {column.name: column.type for column in table.columns}


def tables_schema() -> dict[str, Any]:
    """A JSON Schema of the rows of each table, in `$defs`, with the version of them all."""
    return {
        "title": "Assay tables",
        "description": "Rows of the tables of a report, in Parquet and CSV. Any value may be null.",
        "version": TABLES_VERSION,
        "$defs": {table.name: _row_schema(table) for table in TABLES},
    }


def _row_schema(table: Table[Any, Any]) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return {
        "type": "object",
        "description": f"{table.meaning}; key: {', '.join(table.key)}",
        "properties": {
            column.name: {"description": column.meaning, **_json_type(column.type)}
            for column in table.columns
        },
        "required": names,
        "additionalProperties": False,
    }


def _json_type(kind: str) -> dict[str, Any]:
    if kind.endswith("[]"):
        return {"anyOf": [{"type": "array", "items": _JSON_TYPES[kind[:-2]]}, {"type": "null"}]}
    return {"anyOf": [dict(_JSON_TYPES[kind]), {"type": "null"}]}
