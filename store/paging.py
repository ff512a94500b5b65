"""Pages of weaknesses by keyset: each page starts where the one before ended, at the same cost.

One filter leads: its index holds the weaknesses in the order of the answer. Each of its values is
read as far as one page, and the parts are merged. All other filters only leave rows out.
"""

import heapq
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.errors import ErrorCode, PlatformError
from contract.findings import FindingsPage, FindingsQuery, FoundWeakness
from contract.role import AppRole
from contract.weakness import Origin, Weakness
from store.loading import ref_of
from store.parts import Parts
from store.tables import apps, weaknesses
from store.windows import end_of_window

_CURSOR = re.compile(r"([0-4])\.(\d{1,18})\.(\d{1,18})")


class Cursor(NamedTuple):
    """Key of the last weakness of a page."""

    severity: int
    app_id: int
    ordinal: int

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """The cursor that `text` writes; None: from the beginning.

        Raises:
            PlatformError: INVALID_ARGUMENT: it writes none.
        """
        if not text:
            return None
        found = _CURSOR.fullmatch(text)
        if found is None:
            message = f"{text[:40]!r} is no place in a list of findings"
            raise PlatformError(
                ErrorCode.INVALID_ARGUMENT, message, next_step="use the text of the page before"
            )
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        """As people copy it."""
        return ".".join(map(str, self))


async def fetch_page(connection: AsyncConnection, query: FindingsQuery) -> FindingsPage:
    """One page. The pipeline is there.

    Raises:
        PlatformError: INVALID_ARGUMENT: the cursor is none.
    """
    after, parts = Cursor.parse(query.after), Parts.of(query, connection.dialect.name)
    end = await _end(connection, parts, after)
    found = [
        (await connection.execute(part)).all() for part in parts.rows(after, end, query.limit + 1)
    ]
    rows = _merged(found, query.limit + 1)
    shown = rows[: query.limit]
    total, more = await _counted(connection, parts) if query.counted else (None, False)
    return FindingsPage(
        items=tuple(map(_found, shown)),
        after=str(_key(shown[-1]) if len(rows) > len(shown) else end or "") or None,
        total=total,
        total_at_least=more,
        unlisted_apps=await connection.scalar(_unlisted(query)) or 0,
        uncompared_apps=await _doubted(connection, query, _uncompared(query)),
        unsure_apps=await _doubted(connection, query, _unsure(query)),
    )


async def _doubted(connection: AsyncConnection, query: FindingsQuery, count: Select[Any]) -> int:
    return await connection.scalar(count) or 0 if query.doubted else 0


def _found(row: Any) -> FoundWeakness:
    return FoundWeakness(
        ref=ref_of(row),
        role=row.role,
        ordinal=row.ordinal,
        weakness=Weakness.model_validate_json(row.body),
    )


def _key(row: Any) -> Cursor:
    return Cursor(row.severity, row.app_id, row.ordinal)


def _merged(parts: Iterable[Sequence[Any]], limit: int) -> list[Any]:
    rows: list[Any] = []
    for row in heapq.merge(*parts, key=_key):
        if rows and _key(rows[-1]) == _key(row):  # two of its tools were asked for
            continue
        rows.append(row)
        if len(rows) == limit:
            break
    return rows


async def _end(connection: AsyncConnection, parts: Parts, after: Cursor | None) -> Cursor | None:
    """Where this page stops to look; None: it looks at all that is left."""
    most = parts.query.most_rows
    if most is None or not parts.may_look_long:
        return None
    found = await end_of_window(connection, parts.keys(after), most)
    return Cursor(*found) if found else None


async def _counted(connection: AsyncConnection, parts: Parts) -> tuple[int | None, bool]:
    """How many there are, and whether there are more; None: to know it takes a long look."""
    most = parts.query.most_rows
    if most is None:
        return await connection.scalar(parts.total()), False
    if await _end(connection, parts, None) is not None:
        return None, False
    some = parts.places(most + 1).limit(most + 1).subquery()
    total = await connection.scalar(select(func.count()).select_from(some)) or 0
    return min(total, most), total > most


def _unlisted(query: FindingsQuery) -> Select[Any]:
    return select(func.count()).where(
        apps.c.pipeline_id == query.pipeline_id,
        apps.c.role.in_([role.value for role in query.roles]),
        apps.c.state.is_not(None),
        apps.c.weaknesses.is_(None),
    )


def _uncompared(query: FindingsQuery) -> Select[Any]:
    """All weaknesses of an app are compared, or none: its first one tells."""
    first = (weaknesses.c.app_id == apps.c.id) & (weaknesses.c.ordinal == 0)
    return (
        select(func.count())
        .select_from(apps.join(weaknesses, first))
        .where(
            apps.c.pipeline_id == query.pipeline_id,
            apps.c.role == AppRole.SUBJECT.value,
            weaknesses.c.baseline.is_(None),
        )
    )


def _unsure(query: FindingsQuery) -> Select[Any]:
    return select(func.count(weaknesses.c.app_id.distinct())).where(
        weaknesses.c.pipeline_id == query.pipeline_id,
        weaknesses.c.origin == Origin.UNKNOWN.value,
        weaknesses.c.role == AppRole.SUBJECT.value,
    )
