"""Tables of the built-in alerts: what fires, what is to be told, what hosts said, the last look."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text

from store.access_tables import metadata
from store.columns import UtcDateTime

__all__ = ["alert_watch", "alerts", "host_facts", "metadata", "notices"]

alerts = Table(
    "alerts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("firing", Boolean, nullable=False),
    Column("fired_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    *(Column(name, Integer, nullable=False) for name in ("seen", "unseen")),
    Column("notice", JSON, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("receiver", String(63), primary_key=True),
    Column("key", String(200), nullable=False),
    Column("state", String(16), nullable=False),  # unsent, sent, given_up
    Column("made_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("notice", JSON, nullable=False),
    Index("ix_notices_due", "state", "next_at"),
)

host_facts = Table(
    "host_facts",
    metadata,
    Column("host", String(63), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("facts", JSON, nullable=False),
)

alert_watch = Table(
    "alert_watch",
    metadata,
    Column("name", String(63), primary_key=True),  # one row: `alerts`
    Column("looked_at", UtcDateTime, nullable=False),
)
