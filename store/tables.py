"""The tables. What is queried has a column; the rest of a value is in one JSON column, `body`.

`apps.body` holds the app as planned and `AppFacts`, `cells.body` the fields of a `ToolReport` that
are no columns, `pipelines.body` the templates: a new field there needs no migration.

A task is unique in the database itself: `uq_apps_target` refuses a second row of the same app even
when every line of application logic is bypassed.
"""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from store.columns import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

pipelines = Table(
    "pipelines",
    metadata,
    Column("pipeline_id", String(63), primary_key=True),
    Column("spec_digest", String(64), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("state", String(32), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("body", JSON, nullable=False, server_default="{}"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)

apps = Table(
    "apps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pipeline_id", ForeignKey(pipelines.c.pipeline_id, ondelete="CASCADE"), nullable=False),
    Column("target_model", String(120), nullable=False),
    Column("target_app_number", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("state", String(32)),
    Column("reason", Text, nullable=False),
    Column("body", JSON, nullable=False, server_default="{}"),
    Index("uq_apps_target", "pipeline_id", "target_model", "target_app_number", unique=True),
    Index("ix_apps_ordinal", "pipeline_id", "ordinal"),
)

_TARGET = ("pipeline_id", "target_model", "target_app_number")


def _of_app() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(_TARGET, [f"apps.{name}" for name in _TARGET], ondelete="CASCADE")


subtasks = Table(
    "subtasks",
    metadata,
    Column("subtask_id", Text, primary_key=True),
    Column("pipeline_id", String(63), nullable=False),
    Column("target_model", String(120), nullable=False),
    Column("target_app_number", Integer, nullable=False),
    Column("analyzer", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("tool_seconds", Float, nullable=False),
    Column("wasted_seconds", Float, nullable=False),
    Column("saved_seconds", Float, nullable=False, server_default="0"),
    _of_app(),
    Index("uq_subtasks_target", *_TARGET, "analyzer", unique=True),
)

cells = Table(
    "cells",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subtask_id", ForeignKey(subtasks.c.subtask_id, ondelete="CASCADE"), nullable=False),
    Column("pipeline_id", String(63), nullable=False),
    Column("target_model", String(120), nullable=False),
    Column("target_app_number", Integer, nullable=False),
    Column("analyzer", String(32), nullable=False),
    Column("tool", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("tool_seconds", Float, nullable=False),
    Column("wasted_seconds", Float, nullable=False),
    Column("saved_seconds", Float, nullable=False, server_default="0"),
    Column("artifact", JSON(none_as_null=True)),
    Column("body", JSON, nullable=False),
    Index("uq_cells_target", *_TARGET, "analyzer", "tool", unique=True),
    Index("ix_cells_subtask_id", "subtask_id"),
)

findings = Table(
    "findings",
    metadata,
    Column("cell_id", ForeignKey(cells.c.id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("category", String(16), nullable=False),
    Column("cwe", Integer),
    Column("fingerprint", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_findings_fingerprint", "fingerprint"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("cell_id", ForeignKey(cells.c.id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("target", Text, nullable=False),
)

fused_findings = Table(
    "fused_findings",
    metadata,
    Column("subtask_id", ForeignKey(subtasks.c.subtask_id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("category", String(16), nullable=False),
    Column("cwe", Integer),
    Column("fingerprint", Text, nullable=False),
    Column("body", JSON, nullable=False),
)
