"""How far one page looks: a filter that no index leads may fit few weaknesses of a million.

Such a search goes on in windows of so many rows of the leading index. A page may then hold fewer
weaknesses than were asked for, and says where the next window begins.
"""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import weaknesses

# Whatever else is written in another way in a document that is kept as a text of another one.
_AS_IT_IS = re.compile(r"[ !#$&-\[\]-~]+")


def may_say(text: str, dialect: str) -> ColumnElement[bool]:
    """Whether a weakness can have this text in any case; its unusual letters are not looked at."""
    pattern = "%".join(["", *_AS_IT_IS.findall(text), ""])
    body = cast(weaknesses.c.body, Text)
    # Of ASCII, which this is, SQLite's LIKE takes any case: no body has to be copied for it.
    return body.like(pattern) if dialect == "sqlite" else body.ilike(pattern)


async def end_of_window(
    connection: AsyncConnection, keys: Iterable[Select[Any]], most: int
) -> tuple[int, ...] | None:
    """The last place that is looked at; None: all that is left is looked at.

    Args:
        connection: of the store.
        keys: of each part of the search, in order, from the cursor on.
        most: rows to look at, of all parts together.
    """
    parts = list(keys)
    last = max(1, most // len(parts)) - 1
    ends = [(await connection.execute(part.limit(1).offset(last))).first() for part in parts]
    return min((tuple(end) for end in ends if end is not None), default=None)
