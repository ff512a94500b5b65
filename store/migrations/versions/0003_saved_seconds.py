"""Tool time that was saved, since a report of an earlier run was used again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("subtasks", "cells"):
        column = sa.Column("saved_seconds", sa.Float(), nullable=False, server_default="0")
        op.add_column(table, column)


def downgrade() -> None:
    for table in ("cells", "subtasks"):
        op.drop_column(table, "saved_seconds")
