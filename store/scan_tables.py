"""The table of the runs of schedules. A schedule itself is kept by the Temporal server."""

from sqlalchemy import JSON, Column, String, Table

from store.columns import UtcDateTime
from store.tables import metadata

__all__ = ["metadata", "scans"]

scans = Table(
    "scans",
    metadata,
    Column("schedule", String(40), primary_key=True),
    Column("scheduled_at", UtcDateTime, primary_key=True),
    Column("pipeline_id", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("body", JSON, nullable=False),
)
