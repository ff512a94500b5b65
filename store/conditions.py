"""Conditions of a search for weaknesses: one for each filter, and the range of the pages."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, exists, or_, tuple_

from contract.analysis import Severity
from contract.findings import FindingsQuery
from contract.weakness import Origin
from store.tables import weakness_tools, weaknesses
from store.weaknesses import RANKS
from store.windows import may_say

KEY = (weaknesses.c.severity, weaknesses.c.app_id, weaknesses.c.ordinal)
TOOL_KEY = (weakness_tools.c.severity, weakness_tools.c.app_id, weakness_tools.c.ordinal)
SAME = and_(
    weakness_tools.c.app_id == weaknesses.c.app_id,
    weakness_tools.c.ordinal == weaknesses.c.ordinal,
)
Condition = ColumnElement[bool]
Place = tuple[int, int, int]  # severity, app, the weakness's place in it


def conditions(query: FindingsQuery, dialect: str) -> dict[str, Condition]:
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
        found["tool"] = exists().where(SAME, weakness_tools.c.tool.in_(query.tools))
    if query.text:
        found["text"] = may_say(query.text, dialect)
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


def in_range(
    query: FindingsQuery,
    keys: Sequence[ColumnElement[Any]],
    after: Place | None,
    end: Place | None = None,
) -> Iterator[Condition]:
    """Severities and the place after the cursor, as ranges of the index."""
    severity = keys[0]
    ranks = sorted({RANKS[value] for value in query.severities or tuple(Severity)})
    lowest = max(ranks[0], after[0]) if after else ranks[0]
    yield severity.between(lowest, min(ranks[-1], end[0]) if end else ranks[-1])
    if len(ranks) <= ranks[-1] - ranks[0]:
        yield severity.in_(ranks)
    if after:
        yield tuple_(*keys) > tuple_(*after)
