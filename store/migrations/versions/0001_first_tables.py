"""first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pipelines",
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("spec_digest", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("pipeline_id", name="pk_pipelines"),
    )
    op.create_table(
        "apps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("target_model", sa.String(length=120), nullable=False),
        sa.Column("target_app_number", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("source_digest", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("logs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.pipeline_id"], name="fk_apps_pipelines", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_apps"),
    )
    op.create_index(
        "uq_apps_target", "apps", ["pipeline_id", "target_model", "target_app_number"], unique=True
    )

    op.create_table(
        "subtasks",
        sa.Column("subtask_id", sa.Text(), nullable=False),
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("target_model", sa.String(length=120), nullable=False),
        sa.Column("target_app_number", sa.Integer(), nullable=False),
        sa.Column("analyzer", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("tool_seconds", sa.Float(), nullable=False),
        sa.Column("wasted_seconds", sa.Float(), nullable=False),
        sa.Column("artifact", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["pipeline_id", "target_model", "target_app_number"],
            ["apps.pipeline_id", "apps.target_model", "apps.target_app_number"],
            name="fk_subtasks_apps",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subtask_id", name="pk_subtasks"),
    )
    op.create_index(
        "uq_subtasks_target",
        "subtasks",
        ["pipeline_id", "target_model", "target_app_number", "analyzer"],
        unique=True,
    )

    op.create_table(
        "cells",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subtask_id", sa.Text(), nullable=False),
        sa.Column("pipeline_id", sa.String(length=63), nullable=False),
        sa.Column("target_model", sa.String(length=120), nullable=False),
        sa.Column("target_app_number", sa.Integer(), nullable=False),
        sa.Column("analyzer", sa.String(length=32), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tool_seconds", sa.Float(), nullable=False),
        sa.Column("wasted_seconds", sa.Float(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subtask_id"], ["subtasks.subtask_id"], name="fk_cells_subtasks", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cells"),
    )
    op.create_index("ix_cells_subtask_id", "cells", ["subtask_id"], unique=False)
    op.create_index(
        "uq_cells_target",
        "cells",
        ["pipeline_id", "target_model", "target_app_number", "analyzer", "tool"],
        unique=True,
    )

    op.create_table(
        "fused_findings",
        sa.Column("subtask_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("cwe", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subtask_id"],
            ["subtasks.subtask_id"],
            name="fk_fused_findings_subtasks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subtask_id", "ordinal", name="pk_fused_findings"),
    )
    op.create_table(
        "findings",
        sa.Column("cell_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("cwe", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name="fk_findings_cells", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_id", "ordinal", name="pk_findings"),
    )
    op.create_index("ix_findings_fingerprint", "findings", ["fingerprint"], unique=False)

    op.create_table(
        "metrics",
        sa.Column("cell_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name="fk_metrics_cells", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_id", "ordinal", name="pk_metrics"),
    )


def downgrade() -> None:
    op.drop_table("metrics")

    op.drop_table("findings")
    op.drop_table("fused_findings")

    op.drop_table("cells")

    op.drop_table("subtasks")

    op.drop_table("apps")
    op.drop_table("pipelines")
