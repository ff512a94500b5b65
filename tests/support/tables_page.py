"""Makes docs/tables.md from the declared columns of the tables."""

from reports.tables.rows import TABLES
from reports.tables.schema import TABLES_VERSION

_HEAD = f"""# Tables

`python -m tests.support.reference` makes this page from the code; a test keeps it current.

Version {TABLES_VERSION} of the tables that `report ID --format parquet` and `--format csv` write
([how to load them](results.md)); as a [JSON Schema](schemas/tables.schema.json). Types are those
of DuckDB.
Any value may be NULL (in CSV: empty), which stands for what is not known. In CSV, items of a list
are parted by `; `, and truth values are `yes` and `no`.
"""


def page() -> str:
    """The page."""
    from tests.support.reference import table as markdown_table

    parts = [_HEAD]
    for table in TABLES:
        rows = [(f"`{one.name}`", one.type, one.meaning) for one in table.columns]
        key = ", ".join(f"`{name}`" for name in table.key)
        meaning = table.meaning[0].upper() + table.meaning[1:]
        parts.append(f"## `{table.name}`\n\n{meaning}. Key: {key}.\n")
        parts.append(markdown_table(("column", "type", "meaning"), rows))
    return "\n".join(parts)
