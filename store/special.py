"""Cells of apps that have not ended or that failed, counted from as few rows as possible.

Of a model none of whose apps has ended, or all of which have, the kept counts tell it. Of others
the cells of those that are fewer are read: of the apps that have not ended, or of those that have.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef
from store.tables import app_tallies, apps, cells

ITS_APP = and_(
    *(
        cells.c[name] == apps.c[name]
        for name in ("pipeline_id", "target_model", "target_app_number")
    )
)
_LIVE = frozenset(kind.value for kind in AnalyzerKind if kind.is_live)
_APP_FAILED = MeasurementState.APP_FAILED.value
_Key = tuple[Any, ...]  # model, role, analyzer, tool and state of cells
_Special = defaultdict[_Key, dict[str, int]]


async def fetch_special(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None, totals: Mapping[_Key, int]
) -> _Special:
    """How many cells are of apps that have not ended or that failed, by what is counted.

    Args:
        connection: of the store.
        pipeline_id: of the pipeline.
        only: of one app; None: of all.
        totals: how many cells there are of each.
    """
    models = _Models(few={only.model}) if only else await _Models.of(connection, pipeline_id)
    ended: Counter[_Key] = Counter()
    found: _Special = defaultdict(dict)
    for row in await connection.execute(models.query(pipeline_id, only)) if models.any else ():
        key = tuple(row)[:5]
        if row.app_state is None:
            found[key]["unfinished"] = row.number
            continue
        ended[key] += row.number
        if row.app_state == _APP_FAILED and row.analyzer in _LIVE:
            found[key]["app_failed"] = row.number
    for key, number in totals.items():
        if key[0] in models.many and number > ended[key]:
            found[key]["unfinished"] = number - ended[key]
    return found


@dataclass
class _Models:
    """Models with apps that have not ended.

    Attributes:
        few: most of their apps have ended, or it is not known.
        many: most have not: the rest is counted.
        mixed: those of `many` of which some have.
        failed: whether an app of any model failed.
    """

    few: set[str] = field(default_factory=set[str])
    many: set[str] = field(default_factory=set[str])
    mixed: set[str] = field(default_factory=set[str])
    failed: bool = True

    @classmethod
    async def of(cls, connection: AsyncConnection, pipeline_id: str) -> Self:
        """Those of a whole pipeline, from its counts."""
        table = app_tallies.c
        counted = select(table.target_model, table.state, table.apps)
        mine = counted.where(table.pipeline_id == pipeline_id, table.apps > 0)
        every, open_ = Counter[str](), Counter[str]()
        models = cls(failed=False)
        for row in await connection.execute(mine):
            every[row.target_model] += row.apps
            open_[row.target_model] += 0 if row.state else row.apps
            models.failed |= row.state == _APP_FAILED
        models.few = {model for model, apps in open_.items() if 0 < 2 * apps <= every[model]}
        models.many = {model for model, apps in open_.items() if 2 * apps > every[model]}
        models.mixed = {model for model in models.many if open_[model] < every[model]}
        return models

    @property
    def any(self) -> bool:
        """Whether rows have to be read."""
        return bool(self.few or self.mixed or self.failed)

    def query(self, pipeline_id: str, only: AppRef | None) -> Any:
        """The cells to be counted."""
        few, mixed = (apps.c.target_model.in_(sorted(names)) for names in (self.few, self.mixed))
        unended, failed = apps.c.state.is_(None), apps.c.state == _APP_FAILED
        wanted = or_(unended & few, apps.c.state.is_not(None) & mixed, failed)
        on = and_(ITS_APP, or_(unended, mixed, cells.c.analyzer.in_(_LIVE)))
        return counted_rows(pipeline_id, only, on).where(wanted)


def counted_rows(pipeline_id: str, only: AppRef | None, on: ColumnElement[bool] = ITS_APP) -> Any:
    """Cells counted from their rows; an app without any is one row without an analyzer.

    It is an outer join so that each database goes from the apps, which are few, to their cells.
    """
    of_cell = (cells.c.target_model, apps.c.role, cells.c.analyzer, cells.c.tool, cells.c.state)
    key = (*of_cell, apps.c.state.label("app_state"))
    return (
        select(*key, func.count().label("number"), func.sum(cells.c.partial).label("partial"))
        .select_from(apps.outerjoin(cells, on))
        .where(apps.c.pipeline_id == pipeline_id, *(is_app(only) if only else ()))
        .group_by(*key)
        .order_by(*of_cell)
    )


def is_app(app: AppRef) -> tuple[ColumnElement[bool], ...]:
    """That a row is of this app."""
    return (apps.c.target_model == app.model, apps.c.target_app_number == app.app_number)
