"""Pages of weaknesses by keyset: each page starts where the one before ended, at the same cost.

One filter leads: its index holds the weaknesses in the order of the answer. Each of its values is
read as far as one page, and the parts are merged. All other filters only leave rows out.
"""

import heapq
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Severity
from contract.errors import ErrorCode, PlatformError
from contract.findings import FindingsPage, FindingsQuery, FoundWeakness
from contract.role import AppRole
from contract.spec import AppRef
from contract.weakness import Origin, Weakness
from store.loading import ref_of
from store.tables import apps, weakness_tools, weaknesses
from store.weaknesses import RANKS

_CURSOR = re.compile(r"([0-4])\.(\d{1,18})\.(\d{1,18})")
_MOST_PARTS = 20
_KEY = (weaknesses.c.severity, weaknesses.c.app_id, weaknesses.c.ordinal)
_TOOL_KEY = (weakness_tools.c.severity, weakness_tools.c.app_id, weakness_tools.c.ordinal)
_SAME = and_(
    weakness_tools.c.app_id == weaknesses.c.app_id,
    weakness_tools.c.ordinal == weaknesses.c.ordinal,
)
Condition = ColumnElement[bool]


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
    after = Cursor.parse(query.after)
    parts = [
        (await connection.execute(part)).all()
        for part in _parts(query, after, connection.dialect.name)
    ]
    rows = _merged(parts, query.limit + 1)
    shown = rows[: query.limit]
    return FindingsPage(
        items=tuple(map(_found, shown)),
        after=str(_key(shown[-1])) if len(rows) > len(shown) else None,
        total=await connection.scalar(_total(query)) if query.counted else None,
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


def _parts(query: FindingsQuery, after: Cursor | None, dialect: str) -> Iterator[Select[Any]]:
    """One query for each value of the leading filter."""
    name, values = _leading(query)
    filters = _filters(query)
    rest = [condition for filter_, condition in filters.items() if filter_ != name]
    for value in values:
        keys = _TOOL_KEY if name == "tool" else _KEY
        part = select(weaknesses)
        if name == "tool":
            part = part.join(weakness_tools, _SAME).where(
                weakness_tools.c.pipeline_id == query.pipeline_id, weakness_tools.c.tool == value
            )
        elif name == "app":  # no other condition that an index begins with
            part = part.where(weaknesses.c.app_id == _app_id(query.pipeline_id, value))
        elif name:
            part = part.where(weaknesses.c[name] == value)
        if name != "app":
            part = part.where(weaknesses.c.pipeline_id == query.pipeline_id)
        part = part.where(*rest)
        part = part.where(*_in_range(query, keys, after)).order_by(*keys).limit(query.limit + 1)
        if dialect == "sqlite" and name not in ("tool", "app"):
            # Without statistics it would take any index with two equal columns.
            index = f"INDEXED BY ix_weaknesses_{name or 'gravest'}"
            part = part.with_hint(weaknesses, index, "sqlite")
        yield part


def _app_id(pipeline_id: str, app: AppRef) -> Any:
    this = (apps.c.target_model == app.model) & (apps.c.target_app_number == app.app_number)
    mine = select(apps.c.id).where(apps.c.pipeline_id == pipeline_id, this)
    return mine.scalar_subquery()


def _leading(query: FindingsQuery) -> tuple[str, Sequence[Any]]:
    """Column of the filter that is likely to leave the fewest rows, and its values."""
    candidates: tuple[tuple[str, Sequence[Any]], ...] = (
        ("fingerprint", query.fingerprints),
        ("cwe", query.cwe),
        ("rule_id", query.rules),
        ("family", query.families),
        ("tool", query.tools),
        ("app", query.apps),
        ("owasp", query.owasp),
        ("target_model", query.models),
        ("baseline", [value.value for value in query.baselines]),
        ("origin", () if Origin.MODEL in query.origins else [o.value for o in query.origins]),
        ("category", [value.value for value in query.categories]),
    )
    for name, values in candidates:
        if values and len(set(values)) <= _MOST_PARTS:
            return name, tuple(dict.fromkeys(values))
    return "", (None,)


def _filters(query: FindingsQuery) -> dict[str, Condition]:
    """A condition for each filter that is used, by its column."""
    table = weaknesses.c
    found: dict[str, Condition] = {"role": table.role.in_([role.value for role in query.roles])}
    for name, values in (
        ("fingerprint", query.fingerprints),
        ("cwe", query.cwe),
        ("family", query.families),
        ("owasp", query.owasp),
        ("target_model", query.models),
        ("rule_id", query.rules),
        ("category", [value.value for value in query.categories]),
        ("confidence", [value.value for value in query.confidences]),
        ("baseline", [value.value for value in query.baselines]),
    ):
        if values:
            found[name] = table[name].in_(values)
    if query.identities:
        body = cast(table.body, Text)
        found["identity"] = or_(
            table.fingerprint.in_(query.identities),
            *(body.contains(_in_body(name), autoescape=True) for name in query.identities),
        )
    if query.origins:
        named = table.origin.in_([value.value for value in query.origins])
        found["origin"] = named | table.origin.is_(None) if Origin.MODEL in query.origins else named
    if query.tools:
        found["tool"] = exists().where(_SAME, weakness_tools.c.tool.in_(query.tools))
    if query.apps:
        found["app"] = or_(
            *(
                and_(table.target_model == app.model, table.target_app_number == app.app_number)
                for app in query.apps
            )
        )
    return found


def _in_body(text: str) -> str:
    """A whole text in a body as it is stored: a document, kept as one text of another."""
    return json.dumps(json.dumps(text))[1:-1]


def _in_range(
    query: FindingsQuery, keys: Sequence[ColumnElement[Any]], after: Cursor | None
) -> Iterator[Condition]:
    """Severities and the place after the cursor, as ranges of the index."""
    severity = keys[0]
    ranks = sorted({RANKS[value] for value in query.severities or tuple(Severity)})
    lowest = max(ranks[0], after.severity) if after else ranks[0]
    yield severity.between(lowest, ranks[-1])
    if len(ranks) <= ranks[-1] - ranks[0]:
        yield severity.in_(ranks)
    if after:
        yield tuple_(*keys) > tuple_(*after)


def _total(query: FindingsQuery) -> Select[Any]:
    conditions = (*_filters(query).values(), *_in_range(query, _KEY, None))
    mine = weaknesses.c.pipeline_id == query.pipeline_id
    return select(func.count()).select_from(weaknesses).where(mine, *conditions)


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
