"""images and notes of apps; the artifact of a cell, since a retry may leave its siblings alone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("images", "notes"):
        column = sa.Column(name, sa.JSON(), nullable=False, server_default="[]")
        op.add_column("apps", column)
    op.add_column("cells", sa.Column("artifact", sa.JSON(), nullable=True))
    op.execute(
        "UPDATE cells SET artifact = (SELECT subtasks.artifact FROM subtasks"
        " WHERE subtasks.subtask_id = cells.subtask_id)"
    )
    op.drop_column("subtasks", "artifact")


def downgrade() -> None:
    op.add_column("subtasks", sa.Column("artifact", sa.JSON(), nullable=True))
    op.execute(
        "UPDATE subtasks SET artifact = (SELECT cells.artifact FROM cells"
        " WHERE cells.subtask_id = subtasks.subtask_id AND cells.artifact IS NOT NULL"
        " ORDER BY cells.id LIMIT 1)"
    )
    op.drop_column("cells", "artifact")
    op.drop_column("apps", "notes")
    op.drop_column("apps", "images")
