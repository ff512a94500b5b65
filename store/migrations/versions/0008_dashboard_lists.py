"""Who started a pipeline, and counts of apps and cells that are kept up to date."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SEVERITIES = ("critical", "high", "medium", "low", "info")
_LISTED = ["created_at", "pipeline_id", "state", "finished_at", "started_by"]
_APPS = f"""
    INSERT INTO app_tallies (pipeline_id, target_model, role, state, apps, unlisted, weaknesses,
                             {", ".join(_SEVERITIES)})
    SELECT pipeline_id, target_model, role, COALESCE(state, ''), COUNT(*),
           SUM(CASE WHEN weaknesses IS NULL THEN 1 ELSE 0 END), COALESCE(SUM(weaknesses), 0),
           {", ".join(f"SUM({name})" for name in _SEVERITIES)}
    FROM apps GROUP BY pipeline_id, target_model, role, COALESCE(state, '')
"""  # noqa: S608 (our own names)
_CELLS = """
    INSERT INTO cell_tallies (pipeline_id, analyzer, tool, version, state, target_model, role,
                              cells, cached, tool_us, saved_us)
    SELECT c.pipeline_id, c.analyzer, c.tool, c.version, c.state, c.target_model, a.role, COUNT(*),
           SUM(CASE WHEN c.saved_seconds > 0 THEN 1 ELSE 0 END),
           SUM(CAST(ROUND(c.tool_seconds * 1000000) AS BIGINT)),
           SUM(CAST(ROUND(c.saved_seconds * 1000000) AS BIGINT))
    FROM cells c JOIN apps a ON a.pipeline_id = c.pipeline_id
         AND a.target_model = c.target_model AND a.target_app_number = c.target_app_number
    GROUP BY c.pipeline_id, c.analyzer, c.tool, c.version, c.state, c.target_model, a.role
"""
_REVISIONS = (
    "INSERT INTO revisions (pipeline_id, revision) SELECT pipeline_id, '0008' FROM pipelines"
)


def upgrade() -> None:
    op.add_column(
        "pipelines", sa.Column("started_by", sa.Text(), nullable=False, server_default="")
    )
    op.create_index("ix_pipelines_list", "pipelines", _LISTED)
    counts = ("apps", "unlisted", "weaknesses", *_SEVERITIES)
    _make(
        "app_tallies",
        [
            sa.Column("target_model", sa.String(length=120), nullable=False),
            sa.Column("role", sa.String(length=16), nullable=False),
            sa.Column("state", sa.String(length=32), nullable=False),
        ],
        [sa.Column(name, sa.Integer(), nullable=False) for name in counts],
    )
    _make(
        "cell_tallies",
        [
            sa.Column("analyzer", sa.String(length=32), nullable=False),
            sa.Column("tool", sa.Text(), nullable=False),
            sa.Column("version", sa.Text(), nullable=False),
            sa.Column("state", sa.String(length=32), nullable=False),
            sa.Column("target_model", sa.String(length=120), nullable=False),
            sa.Column("role", sa.String(length=16), nullable=False),
        ],
        [
            sa.Column("cells", sa.Integer(), nullable=False),
            sa.Column("cached", sa.Integer(), nullable=False),
            sa.Column("tool_us", sa.BigInteger(), nullable=False),
            sa.Column("saved_us", sa.BigInteger(), nullable=False),
        ],
    )
    _make("revisions", [], [sa.Column("revision", sa.String(length=32), nullable=False)])
    for statement in (_APPS, _CELLS, _REVISIONS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("revisions", "cell_tallies", "app_tallies"):
        op.drop_table(table)
    op.drop_index("ix_pipelines_list", "pipelines")
    op.drop_column("pipelines", "started_by")


def _make(
    table: str, keys: list[sa.Column[str]], counts: list[sa.Column[int]] | list[sa.Column[str]]
) -> None:
    op.create_table(
        table,
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        *keys,
        *counts,
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.pipeline_id"],
            name=f"fk_{table}_pipelines",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "pipeline_id", *(column.name for column in keys), name=f"pk_{table}"
        ),
        sqlite_with_rowid=False,
    )
