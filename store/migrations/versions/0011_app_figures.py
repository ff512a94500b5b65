"""What the tools measured of an app, as one text: histories of apps are read from it.

Apps that were recorded before have none: their figures are read from their cells when they are
asked for, and kept when their weaknesses are listed again (`report ID --anew`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TARGET = ["pipeline_id", "target_model", "target_app_number"]


def _short(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=16), nullable=False)


def upgrade() -> None:
    op.create_table(
        "app_figures",
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("target_model", sa.String(length=120), nullable=False),
        sa.Column("target_app_number", sa.Integer(), nullable=False),
        *(_short(name) for name in ("role", "source", "engine")),
        sa.Column("load", sa.Text(), nullable=False),
        _short("scanned"),
        sa.Column("scans", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            _TARGET,
            [f"apps.{name}" for name in _TARGET],
            name="fk_app_figures_apps",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(*_TARGET, name="pk_app_figures"),
    )


def downgrade() -> None:
    op.drop_table("app_figures")
