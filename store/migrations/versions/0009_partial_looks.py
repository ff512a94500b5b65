"""Which cells are of a tool that looked at a part of what it was given, and how many."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("cells", "cell_tallies")
_KEY = ("pipeline_id", "analyzer", "tool", "version", "state", "target_model")
_TARGET = ("pipeline_id", "target_model", "target_app_number")


def upgrade() -> None:
    for table in _TABLES:
        column = sa.Column("partial", sa.Integer(), nullable=False, server_default="0")
        op.add_column(table, column)
    cells = sa.table("cells", sa.column("body", sa.JSON), *map(sa.column, ("partial", *_KEY)))
    cells.append_column(sa.column("target_app_number"))
    coverage = cells.c.body["coverage"]
    given, reached, skipped = (
        sa.func.coalesce(coverage[name].as_integer(), 0)
        for name in ("given", "reached", "skipped_total")
    )
    sample = coverage["skipped", 0].as_string()
    left = sa.or_(skipped > 0, given > reached, sample.is_not(None))
    op.execute(sa.update(cells).where(left).values(partial=1))
    apps = sa.table("apps", *map(sa.column, (*_TARGET, "role")))
    tallies = sa.table("cell_tallies", *map(sa.column, (*_KEY, "role", "partial")))
    counted = (
        sa.select(sa.func.count())
        .select_from(cells.join(apps, sa.and_(*(cells.c[n] == apps.c[n] for n in _TARGET))))
        .where(cells.c.partial == 1, apps.c.role == tallies.c.role)
        .where(*(cells.c[name] == tallies.c[name] for name in _KEY))
    )
    op.execute(sa.update(tallies).values(partial=counted.scalar_subquery()))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "partial")
