"""What recent pipelines took, for a planner."""

from collections import defaultdict

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analyzers import AnalyzerKind
from contract.history import History
from store.tables import cells, metrics, pipelines, subtasks

_PIPELINES, _SUBTASKS = 20, 2_000


async def fetch_history(connection: AsyncConnection) -> History:
    """Of the newest pipelines: at most 20 of them, and 2,000 subtasks of each analyzer."""
    newest = select(pipelines.c.pipeline_id).order_by(pipelines.c.created_at.desc())
    recent = list(await connection.scalars(newest.limit(_PIPELINES)))
    durations: defaultdict[AnalyzerKind, list[float]] = defaultdict(list)
    for kind in AnalyzerKind:
        found = select(subtasks.c.duration_s).where(
            subtasks.c.pipeline_id.in_(recent),
            subtasks.c.analyzer == kind,
            subtasks.c.error_code == "",
            subtasks.c.saved_seconds == 0,
            subtasks.c.tool_seconds > 0,
        )
        durations[kind] += await connection.scalars(found.limit(_SUBTASKS))
    # Of apps whose judges were asked: others cost nothing, and a fleet has many cells of them.
    asked = (
        select(subtasks.c.subtask_id)
        .where(
            subtasks.c.pipeline_id.in_(recent),
            subtasks.c.analyzer.in_([k for k in AnalyzerKind if k.row.figures == "scores"]),
            subtasks.c.saved_seconds == 0,
            subtasks.c.tool_seconds > 0,
        )
        .limit(_SUBTASKS)
        .subquery()
    )
    costs = (
        select(func.sum(metrics.c.value))
        .select_from(asked)
        .join(cells, cells.c.subtask_id == asked.c.subtask_id)
        .join(metrics, metrics.c.cell_id == cells.c.id)
        .where(cells.c.saved_seconds == 0, metrics.c.name == "cost", metrics.c.unit == "usd")
        .group_by(asked.c.subtask_id)
    )
    return History(
        pipelines=len(recent),
        subtask_s={kind: tuple(values) for kind, values in durations.items() if values},
        cost_usd=tuple(await connection.scalars(costs)),
    )
