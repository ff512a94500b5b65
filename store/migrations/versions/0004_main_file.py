"""The file that stands for a whole app, for findings that no file is known for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("apps", sa.Column("main_file", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("apps", "main_file")
