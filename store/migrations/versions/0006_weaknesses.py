"""Weaknesses that can be searched, decisions about them, and counts of apps in columns."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BATCH = 500
_SEVERITIES = ("critical", "high", "medium", "low", "info")
_ORDER = ("severity", "app_id", "ordinal")
_FILTERS = ("target_model", "category", "family", "rule_id")
_SPARSE_FILTERS = ("cwe", "owasp", "baseline", "origin")
_APPS = sa.table(
    "apps",
    sa.column("id", sa.Integer()),
    sa.column("role", sa.String()),
    sa.column("template", sa.Text()),
    sa.column("body", sa.JSON()),
)


def upgrade() -> None:
    _widen_apps()
    op.create_index("ix_cells_tool", "cells", ["pipeline_id", "analyzer", "tool", "state"])
    op.drop_index("ix_findings_fingerprint", "findings")
    _make_weaknesses()
    _make_tools()
    _make_suppressions()
    op.create_table(
        "pruned",
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pipeline_id", name="pk_pruned"),
    )


def downgrade() -> None:
    for table in ("pruned", "suppressions", "weakness_tools", "weaknesses"):
        op.drop_table(table)
    op.create_index("ix_findings_fingerprint", "findings", ["fingerprint"], unique=False)
    op.drop_index("ix_cells_tool", "cells")
    op.drop_index("ix_apps_counts", "apps")
    for name in (*_SEVERITIES, "weaknesses", "template", "role"):
        op.drop_column("apps", name)


def _widen_apps() -> None:
    op.add_column(
        "apps", sa.Column("role", sa.String(length=16), nullable=False, server_default="subject")
    )
    op.add_column("apps", sa.Column("template", sa.Text(), nullable=True))
    op.add_column("apps", sa.Column("weaknesses", sa.Integer(), nullable=True))
    for name in _SEVERITIES:
        op.add_column("apps", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _fill_apps()
    columns = ["pipeline_id", "target_model", "role", "state", "weaknesses", *_SEVERITIES]
    op.create_index("ix_apps_counts", "apps", columns)


def _fill_apps() -> None:
    """Role and template of each app, out of its body, some hundred rows at a time."""
    connection, last = op.get_bind(), 0
    page = sa.select(_APPS.c.id, _APPS.c.body).order_by(_APPS.c.id).limit(_BATCH)
    while rows := connection.execute(page.where(_APPS.c.id > last)).all():
        for row in rows:
            body = json.loads(row.body) if isinstance(row.body, str) else row.body
            planned = body.get("planned", {})
            values = {
                "role": planned.get("role", "subject"),
                "template": planned.get("template"),
            }
            connection.execute(sa.update(_APPS).where(_APPS.c.id == row.id).values(**values))
        last = rows[-1].id


def _make_weaknesses() -> None:
    texts = ("fingerprint", "shape", "family", "rule_id", "place")
    op.create_table(
        "weaknesses",
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("target_model", sa.String(length=120), nullable=False),
        sa.Column("target_app_number", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("confidence", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("cwe", sa.Integer(), nullable=True),
        sa.Column("owasp", sa.String(length=8), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=True),
        sa.Column("baseline", sa.String(length=16), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name="fk_weaknesses_apps", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("app_id", "ordinal", name="pk_weaknesses"),
    )
    op.create_index("ix_weaknesses_gravest", "weaknesses", ["pipeline_id", *_ORDER])
    for name in _FILTERS:
        op.create_index(f"ix_weaknesses_{name}", "weaknesses", ["pipeline_id", name, *_ORDER])
    for name in _SPARSE_FILTERS:
        op.create_index(
            f"ix_weaknesses_{name}",
            "weaknesses",
            ["pipeline_id", name, *_ORDER],
            sqlite_where=sa.text(f"{name} IS NOT NULL"),
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
    op.create_index("ix_weaknesses_fingerprint", "weaknesses", ["pipeline_id", "fingerprint"])


def _make_tools() -> None:
    op.create_table(
        "weakness_tools",
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "ordinal"],
            ["weaknesses.app_id", "weaknesses.ordinal"],
            name="fk_weakness_tools_weaknesses",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "tool", *_ORDER, name="pk_weakness_tools"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_weakness_tools_weakness", "weakness_tools", ["app_id", "ordinal"])


def _make_suppressions() -> None:
    texts = ("fingerprint", "rule", "path", "app", "who", "why")
    op.create_table(
        "suppressions",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("until", sa.String(length=10), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_suppressions"),
    )
    op.create_index("ix_suppressions_pipeline_id", "suppressions", ["pipeline_id"])
