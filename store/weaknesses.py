"""Rows of weaknesses: made from the contract's values, and put in place of earlier ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import PydanticSerializationError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Finding, MeasurementState, Severity
from contract.analyzers import Category
from contract.record import Revision, revision_of
from contract.spec import AppRef
from contract.weakness import Origin, Weakness
from store.columns import clean_json, clean_text
from store.figures import TARGET, keep_figures
from store.rows import Row
from store.tables import SEVERITIES, apps, cells, weakness_tools, weaknesses
from store.tally import Changes, hold

_COUNTS = ("weaknesses", *SEVERITIES)
_OF_APP = ("id", *TARGET, "role", "state", "body")
RANKS = {severity: rank for rank, severity in enumerate(Severity)}
"""The gravest severity is 0."""


async def put_weaknesses(
    connection: AsyncConnection,
    pipeline_id: str,
    app: AppRef,
    found: Sequence[Weakness] | None,
    made_of: Revision | None = None,
) -> bool:
    """List the weaknesses of one app; False: there is no such app. Equal ones are not written.

    None: it counts as unlisted. If its record is not `made_of` any more, nothing is written.
    """
    this = (
        (apps.c.pipeline_id == pipeline_id)
        & (apps.c.target_model == app.model)
        & (apps.c.target_app_number == app.app_number)
    )
    await hold(connection, pipeline_id)
    columns = (apps.c[name] for name in (*_OF_APP, *_COUNTS))
    row = (await connection.execute(select(*columns).where(this).with_for_update())).first()
    if row is None:
        return False
    now = await revision_now(connection, pipeline_id, app, row.state) if made_of else None
    if made_of != now:
        return True
    await keep_figures(connection, row)
    mine = weaknesses.c.app_id == row.id
    if found is None:
        await connection.execute(delete(weaknesses).where(mine))
        unlisted = {**counts_of(()), "weaknesses": None}
        await _set_counts(connection, pipeline_id, row, unlisted)
        return True
    bodies = list(map(body_of, found))
    if row.weaknesses is not None:
        old = select(weaknesses.c.body).where(mine).order_by(weaknesses.c.ordinal)
        if (await connection.scalars(old)).all() == bodies:
            return True
        await connection.execute(delete(weaknesses).where(mine))
    rows = weakness_rows(row.id, row.role, pipeline_id, app, found, bodies)
    if rows:
        await connection.execute(insert(weaknesses), rows)
        await connection.execute(insert(weakness_tools), tool_rows(rows, found))
    await _set_counts(connection, pipeline_id, row, counts_of(found))
    return True


async def _set_counts(connection: AsyncConnection, pipeline_id: str, row: Any, counts: Row) -> None:
    await connection.execute(update(apps).where(apps.c.id == row.id).values(**counts))
    changes, before = Changes(pipeline_id), dict(row._mapping)
    changes.app(before, before | counts)
    await changes.write(connection)


async def unlist(connection: AsyncConnection, app_id: int) -> Row:
    """Take back the list of one app; what changes in its row, whose counts the caller changes."""
    unlisted = {**counts_of(()), "weaknesses": None}
    await connection.execute(delete(weaknesses).where(weaknesses.c.app_id == app_id))
    await connection.execute(update(apps).where(apps.c.id == app_id).values(**unlisted))
    return unlisted


async def revision_now(
    connection: AsyncConnection, pipeline_id: str, app: AppRef, state: str | None
) -> Revision:
    """Of the record of one app, whose state this is."""
    columns = select(cells.c.analyzer, cells.c.tool, cells.c.state, cells.c.artifact).where(
        cells.c.pipeline_id == pipeline_id,
        cells.c.target_model == app.model,
        cells.c.target_app_number == app.app_number,
    )
    rows = await connection.execute(columns)
    identities = [(*row[:3], row.artifact["sha256"] if row.artifact else "") for row in rows]
    return revision_of(MeasurementState(state) if state else None, identities)


def weakness_rows(
    app_id: int,
    role: str,
    pipeline_id: str,
    app: AppRef,
    found: Sequence[Weakness],
    bodies: Sequence[str],
) -> list[Row]:
    """Rows of the weaknesses of one app."""
    of_app = {"app_id": app_id, "pipeline_id": pipeline_id, "role": role}
    of_app |= {"target_model": app.model, "target_app_number": app.app_number}
    return [
        {**of_app, **_columns(weakness), "ordinal": ordinal, "body": body}
        for ordinal, (weakness, body) in enumerate(zip(found, bodies, strict=True))
    ]


def tool_rows(rows: Sequence[Row], found: Sequence[Weakness]) -> list[Row]:
    """Rows of the tools that saw them."""
    names = ("app_id", "pipeline_id", "severity", "ordinal")
    return [
        {**{name: row[name] for name in names}, "tool": tool}
        for row, weakness in zip(rows, found, strict=True)
        for tool in tools_of(weakness.finding)
    ]


def tools_of(finding: Finding) -> Iterable[str]:
    """The tools that saw it, each once; `fusion` where that name is all there is."""
    seen = (witness.partition(":")[0] for witness in finding.witnesses)
    return dict.fromkeys(clean_text(tool) for tool in seen) or (clean_text(finding.tool),)


def _columns(weakness: Weakness) -> Row:
    finding = weakness.finding
    return {
        "fingerprint": clean_text(finding.fingerprint),
        "occurrence": weakness.occurrence,
        "shape": clean_text(finding.shape),
        "family": clean_text(weakness.family),
        "rule_id": clean_text(finding.rule_id),
        "severity": RANKS[finding.severity],
        "confidence": finding.confidence.value,
        "category": finding.category.value,
        "cwe": finding.cwe[0] if finding.cwe else None,
        "owasp": weakness.owasp[0] if weakness.owasp else None,
        "place": clean_text(finding.location.path or finding.location.url or ""),
        "origin": None if weakness.origin is Origin.MODEL else weakness.origin.value,
        "baseline": weakness.baseline.value if weakness.baseline else None,
    }


def body_of(weakness: Weakness) -> str:
    """Its JSON: escapes keep out what a database cannot store; lone surrogates are replaced."""
    try:
        return weakness.model_dump_json()
    except (PydanticSerializationError, UnicodeEncodeError):
        return Weakness.model_validate(clean_json(weakness.model_dump())).model_dump_json()


def counts_of(found: Sequence[Weakness]) -> dict[str, Any]:
    """The counts in the row of an app that has these weaknesses."""
    security = Counter(
        weakness.finding.severity.value
        for weakness in found
        if weakness.finding.category is Category.SECURITY
    )
    return {"weaknesses": len(found), **{name: security[name] for name in SEVERITIES}}
