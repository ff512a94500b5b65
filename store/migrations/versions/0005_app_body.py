"""What is planned and known of an app in one JSON column; templates of a pipeline, too."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 500
_TEXTS = ("source_digest", "main_file")
_LISTS = ("logs", "images", "notes")
_MOVED = ("template", *_TEXTS, *_LISTS)
_APPS = sa.table(
    "apps",
    sa.column("id", sa.Integer()),
    sa.column("target_model", sa.String()),
    sa.column("target_app_number", sa.Integer()),
    sa.column("body", sa.JSON()),
    *(sa.column(name, sa.Text()) for name in ("template", *_TEXTS)),
    *(sa.column(name, sa.JSON()) for name in _LISTS),
)


def upgrade() -> None:
    for table in ("pipelines", "apps"):
        body = sa.Column("body", sa.JSON(), nullable=False, server_default="{}")
        op.add_column(table, body)
    _rewrite(("target_model", "target_app_number", *_MOVED), _with_body)
    for name in _MOVED:
        op.drop_column("apps", name)
    op.create_index("ix_apps_ordinal", "apps", ["pipeline_id", "ordinal"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_apps_ordinal", "apps")
    op.add_column("apps", sa.Column("template", sa.Text(), nullable=True))
    for name in _TEXTS:
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("apps", column)
    for name in _LISTS:
        column = sa.Column(name, sa.JSON(), nullable=False, server_default="[]")
        op.add_column("apps", column)
    _rewrite(("body",), _with_columns)
    for table in ("apps", "pipelines"):
        op.drop_column(table, "body")


def _rewrite(read: tuple[str, ...], values: Callable[[Any], dict[str, Any]]) -> None:
    """Set `values` of each app to what they are made of, some hundred rows at a time."""
    connection, last = op.get_bind(), 0
    columns = [_APPS.c.id, *(_APPS.c[name] for name in read)]
    page = sa.select(*columns).order_by(_APPS.c.id).limit(_BATCH)
    while rows := connection.execute(page.where(_APPS.c.id > last)).all():
        for row in rows:
            changed = sa.update(_APPS).where(_APPS.c.id == row.id).values(**values(row))
            connection.execute(changed)
        last = rows[-1].id


def _with_body(row: Any) -> dict[str, Any]:
    """What was not kept is empty: the folder of the app, and the size of its images."""
    images = [{"service": "", "name": name, "size_bytes": None} for name in row.images]
    ref = {"model": row.target_model, "app_number": row.target_app_number}
    source = {"path": "", "digest": row.source_digest, "main_file": row.main_file}
    planned = {"ref": ref, "source": source, "template": row.template}
    facts = {"logs": row.logs, "images": images, "notes": row.notes}
    return {"body": {"planned": planned, "facts": facts}}


def _with_columns(row: Any) -> dict[str, Any]:
    planned, facts = row.body["planned"], row.body["facts"]
    return {
        "template": planned["template"],
        "source_digest": planned["source"]["digest"],
        "main_file": planned["source"].get("main_file", ""),
        "logs": facts["logs"],
        "images": [image["name"] for image in facts["images"]],
        "notes": facts["notes"],
    }
