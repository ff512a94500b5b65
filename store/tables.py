"""The tables. What is queried has a column; the rest of a value is in one JSON column, `body`.

`apps.body` holds the app as planned and `AppFacts`, `cells.body` the fields of a `ToolReport` that
are no columns, `pipelines.body` the templates: a new field there needs no migration.

`weaknesses` are sorted by severity, then by app, then by the app's own order: each index for a
filter ends with these three, so that a page is read from it without sorting.

A task is unique in the database itself, whatever the application does: `uq_apps_target`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy import text as sql_text

from contract.analysis import Severity
from store.columns import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SEVERITIES = tuple(severity.value for severity in Severity)
_COUNTS = ("weaknesses", *SEVERITIES)

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
    Column("started_by", Text, nullable=False, server_default=""),
    # A list of all pipelines is read from it alone.
    Index("ix_pipelines_list", "created_at", "pipeline_id", "state", "finished_at", "started_by"),
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
    Column("role", String(16), nullable=False, server_default="subject"),
    Column("template", Text),
    # Weaknesses listed, and security weaknesses by severity; NULL: none are listed yet.
    Column("weaknesses", Integer),
    *(Column(name, Integer, nullable=False, server_default="0") for name in SEVERITIES),
    Column("body", JSON, nullable=False, server_default="{}"),
    Index("uq_apps_target", "pipeline_id", "target_model", "target_app_number", unique=True),
    Index("ix_apps_ordinal", "pipeline_id", "ordinal"),
    Index("ix_apps_counts", "pipeline_id", "target_model", "role", "state", *_COUNTS),
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
    *(Column(f"{of}_seconds", Float, nullable=False) for of in ("tool", "wasted")),
    Column("duration_s", Float, nullable=False),
    Column("saved_seconds", Float, nullable=False, server_default="0"),
    Column("recorded_at", UtcDateTime),
    _of_app(),
    Index("uq_subtasks_target", *_TARGET, "analyzer", unique=True),
    Index("ix_subtasks_recorded_at", "recorded_at"),
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
    *(Column(f"{of}_seconds", Float, nullable=False) for of in ("tool", "wasted")),
    Column("saved_seconds", Float, nullable=False, server_default="0"),
    Column("partial", Integer, nullable=False, server_default="0"),
    Column("artifact", JSON(none_as_null=True)),
    Column("body", JSON, nullable=False),
    Index("uq_cells_target", *_TARGET, "analyzer", "tool", unique=True),
    Index("ix_cells_subtask_id", "subtask_id"),
    Index("ix_cells_tool", "pipeline_id", "analyzer", "tool", "state"),
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

_ORDER = ("severity", "app_id", "ordinal")


def _filter(column: str) -> Index:
    return Index(f"ix_weaknesses_{column}", "pipeline_id", column, *_ORDER)


def _sparse_filter(column: str) -> Index:
    """Of the rows alone that have a value."""
    return Index(
        f"ix_weaknesses_{column}",
        "pipeline_id",
        column,
        *_ORDER,
        sqlite_where=sql_text(f"{column} IS NOT NULL"),
        postgresql_where=sql_text(f"{column} IS NOT NULL"),
    )


weaknesses = Table(
    "weaknesses",
    metadata,
    Column("app_id", ForeignKey(apps.c.id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("pipeline_id", String(63), nullable=False),
    Column("target_model", String(120), nullable=False),
    Column("target_app_number", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("shape", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),  # 0 is the gravest
    Column("confidence", String(16), nullable=False),
    Column("category", String(16), nullable=False),
    Column("cwe", Integer),
    Column("owasp", String(8)),
    Column("place", Text, nullable=False),
    Column("origin", String(16)),  # NULL: whoever wrote the app
    Column("baseline", String(16)),
    Column("body", JSON, nullable=False),
    Index("ix_weaknesses_gravest", "pipeline_id", *_ORDER),
    _filter("target_model"),
    _filter("category"),
    _sparse_filter("cwe"),
    _sparse_filter("owasp"),
    _filter("family"),
    _filter("rule_id"),
    _sparse_filter("baseline"),
    _sparse_filter("origin"),
    Index("ix_weaknesses_fingerprint", "pipeline_id", "fingerprint"),
)

weakness_tools = Table(
    "weakness_tools",
    metadata,
    Column("pipeline_id", String(63), primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("severity", SmallInteger, primary_key=True),
    Column("app_id", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    ForeignKeyConstraint(
        ("app_id", "ordinal"),
        ("weaknesses.app_id", "weaknesses.ordinal"),
        ondelete="CASCADE",
    ),
    Index("ix_weakness_tools_weakness", "app_id", "ordinal"),
    sqlite_with_rowid=False,
)


def _pipeline() -> Column[str]:
    of = ForeignKey(pipelines.c.pipeline_id, ondelete="CASCADE")
    return Column("pipeline_id", of, primary_key=True)


# Counts of apps and cells, always up to date: see `store.tally`.
app_tallies = Table(
    "app_tallies",
    metadata,
    _pipeline(),
    Column("target_model", String(120), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("state", String(32), primary_key=True),  # empty: they have not ended
    *(Column(name, Integer, nullable=False) for name in ("apps", "unlisted", *_COUNTS)),
    sqlite_with_rowid=False,
)

cell_tallies = Table(
    "cell_tallies",
    metadata,
    _pipeline(),
    Column("analyzer", String(32), primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("state", String(32), primary_key=True),
    Column("target_model", String(120), primary_key=True),
    Column("role", String(16), primary_key=True),
    *(Column(name, Integer, nullable=False) for name in ("cells", "cached", "partial")),
    *(Column(name, BigInteger, nullable=False) for name in ("tool_us", "saved_us")),
    sqlite_with_rowid=False,
)

# Another text after each change of a pipeline's rows.
revisions = Table(
    "revisions",
    metadata,
    _pipeline(),
    Column("revision", String(32), nullable=False),
    sqlite_with_rowid=False,
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("key", String(64), primary_key=True),
    # No foreign key: a decision outlives what it was made about.
    Column("pipeline_id", String(63), nullable=False),
    *(
        Column(name, Text, nullable=False)
        for name in ("fingerprint", "rule", "path", "app", "who", "why")
    ),
    Column("until", String(10)),
    Column("decided_at", UtcDateTime, nullable=False),
    Index("ix_suppressions_pipeline_id", "pipeline_id"),
)

pruned = Table(
    "pruned",
    metadata,
    # Pipelines that were removed on purpose: a rebuilt store does not bring them back.
    Column("pipeline_id", String(63), primary_key=True),
    Column("pruned_at", UtcDateTime, nullable=False),
)
