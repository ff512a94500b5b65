"""Tokens, sessions and the log of changes of the dashboard."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _moment(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        _moment("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("expires_at", nullable=True),
        _moment("last_used_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_access_tokens"),
    )
    op.create_index("uq_access_tokens_digest", "access_tokens", ["digest"], unique=True)
    op.create_table(
        "access_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("local", sa.Boolean(), nullable=False, server_default=sa.false()),
        _moment("began_at"),
        _moment("seen_at"),
        sa.ForeignKeyConstraint(
            ["token"],
            ["access_tokens.name"],
            name="fk_access_sessions_access_tokens",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_access_sessions"),
    )
    op.create_table(
        "access_links",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_access_links"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        _moment("at"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_action", "audit", ["action", "id"])


def downgrade() -> None:
    for table in ("audit", "access_links", "access_sessions", "access_tokens"):
        op.drop_table(table)
