"""What an app's tools measured, one short text for each app: a history is read from it.

The figures stand in `cells` and `metrics`, too; of ten thousand apps in twenty pipelines they are
tens of millions of rows there. `store.figures` makes the text and says what is in it.
"""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, String, Table, Text

from store.access_tables import metadata  # with its tables, for the migrations

__all__ = ["app_figures", "metadata"]

_TARGET = ("pipeline_id", "target_model", "target_app_number")

app_figures = Table(
    "app_figures",
    metadata,
    Column("pipeline_id", String(63), primary_key=True),
    Column("target_model", String(120), primary_key=True),
    Column("target_app_number", Integer, primary_key=True),
    *(Column(name, String(16), nullable=False) for name in ("role", "source", "engine")),
    Column("load", Text, nullable=False),
    Column("scanned", String(16), nullable=False),
    Column("scans", Text, nullable=False),
    ForeignKeyConstraint(_TARGET, [f"apps.{name}" for name in _TARGET], ondelete="CASCADE"),
)
