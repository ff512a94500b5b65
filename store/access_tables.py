"""Tables of those who may use the dashboard, and of what they changed.

No secret is in them: tokens, sessions and links are kept as SHA-256 digests of 256 random bits,
which nobody can guess, so that a slow digest would protect nothing more.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, false

from store.columns import UtcDateTime
from store.tables import metadata

__all__ = ["audit", "links", "metadata", "sessions", "tokens"]

tokens = Table(
    "access_tokens",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index("uq_access_tokens_digest", "digest", unique=True),
)

sessions = Table(
    "access_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", String(16), nullable=False),
    # NULL: a login link opened it.
    Column("token", ForeignKey(tokens.c.name, ondelete="CASCADE")),
    Column("address", Text, nullable=False),
    # Opened on this machine, and good here alone.
    Column("local", Boolean, nullable=False, server_default=false()),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

links = Table(
    "access_links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", String(16), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_audit_action", "action", "id"),
)
