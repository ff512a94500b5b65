"""Alerts that fire, notices to be told, what hosts said, and when a subtask was recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("seen", "unseen")),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_alerts"),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("receiver", sa.String(63), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", "receiver", name="pk_notices"),
    )
    op.create_index("ix_notices_due", "notices", ["state", "next_at"])
    op.create_table(
        "host_facts",
        sa.Column("host", sa.String(63), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_facts"),
    )
    op.add_column("subtasks", sa.Column("recorded_at", sa.DateTime(timezone=True)))
    op.create_index("ix_subtasks_recorded_at", "subtasks", ["recorded_at"])


def downgrade() -> None:
    op.drop_index("ix_subtasks_recorded_at", "subtasks")
    op.drop_column("subtasks", "recorded_at")
    for table in ("host_facts", "notices", "alerts"):
        op.drop_table(table)
