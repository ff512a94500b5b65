"""A search for weaknesses as one query for each value of the filter that leads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Select, func, select, tuple_, union

from contract.findings import FindingsQuery
from contract.role import AppRole
from contract.spec import AppRef
from contract.weakness import Origin
from store.conditions import KEY, SAME, TOOL_KEY, Condition, Place, conditions, in_range
from store.tables import apps, weakness_tools, weaknesses

_MOST_PARTS = 20
# What leads to few rows; the index of fingerprints is not in the order of the answer.
_FEW = ("fingerprint", "app")


@dataclass(frozen=True, slots=True)
class Parts:
    """The queries of one search.

    Attributes:
        query: which weaknesses are wanted.
        dialect: of the database.
        name: column of the filter that leads; empty: none does.
        values: of that filter.
    """

    query: FindingsQuery
    dialect: str
    name: str
    values: Sequence[Any]

    @classmethod
    def of(cls, query: FindingsQuery, dialect: str) -> Self:
        """The parts of this search."""
        return cls(query, dialect, *_leading(query))

    @property
    def may_look_long(self) -> bool:
        """Whether another filter leaves out many rows that the leading index holds.

        Most weaknesses are of subjects: their role leaves out few.
        """
        usual = {"role"} if AppRole.SUBJECT in self.query.roles else set[str]()
        others = conditions(self.query, self.dialect).keys() - {self.name} - usual
        return self.name not in _FEW and bool(others)

    def rows(self, after: Place | None, end: Place | None, limit: int) -> Iterator[Select[Any]]:
        """The weaknesses behind one place and up to another, of each part at most `limit`."""
        window = () if end is None else (tuple_(*self._order) <= tuple_(*end),)
        for value in self.values:
            part = select(weaknesses)
            if self.name == "tool":
                part = part.join(weakness_tools, SAME)
            part = part.where(*self._leads(value), *self._others(), *window)
            yield self._in_order(part, after, end).limit(limit)

    def keys(self, after: Place | None) -> Iterator[Select[Any]]:
        """The places of each part behind one place, whatever other filters say."""
        for value in self.values:
            yield self._in_order(select(*self._order).where(*self._leads(value)), after, None)

    def places(self, most: int) -> Select[Any]:
        """The places of all weaknesses that are wanted, each once; of each part at most `most`."""
        parts = [
            part.with_only_columns(*self._order).limit(most).subquery()
            for part in self.rows(None, None, most)
        ]
        every = union(*(select(part) for part in parts)).subquery()
        return select(every)

    def total(self) -> Select[Any]:
        """How many weaknesses are wanted."""
        mine = weaknesses.c.pipeline_id == self.query.pipeline_id
        wanted = (*conditions(self.query, self.dialect).values(), *in_range(self.query, KEY, None))
        return select(func.count()).select_from(weaknesses).where(mine, *wanted)

    @property
    def _order(self) -> Sequence[Any]:
        return TOOL_KEY if self.name == "tool" else KEY

    def _others(self) -> list[Condition]:
        found = conditions(self.query, self.dialect)
        return [condition for name, condition in found.items() if name != self.name]

    def _leads(self, value: Any) -> Iterator[Condition]:
        id_ = self.query.pipeline_id
        if self.name == "app":  # no other condition that an index begins with
            yield weaknesses.c.app_id == _app_id(id_, value)
            return
        table = weakness_tools if self.name == "tool" else weaknesses
        yield table.c.pipeline_id == id_
        if self.name:
            yield table.c[self.name] == value

    def _in_order(self, part: Any, after: Place | None, end: Place | None) -> Select[Any]:
        part = part.where(*in_range(self.query, self._order, after, end)).order_by(*self._order)
        if self.dialect != "sqlite" or self.name in ("tool", "app"):
            return part
        # Without statistics it would take any index with two equal columns.
        index = f"INDEXED BY ix_weaknesses_{self.name or 'gravest'}"
        return part.with_hint(weaknesses, index, "sqlite")


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
