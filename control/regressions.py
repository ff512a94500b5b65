"""Apps against their own history: which load figures and counts of findings changed."""

import asyncio
from collections import Counter
from collections.abc import Container, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from contract.figures import FiguresPart
from contract.spec import AppRef
from control.errors import WrongInputError
from control.regression_documents import AppTrends, ReasonCount, Regressions
from control.stored import Stored
from control.uncollected import uncollected
from reports.trends.model import Direction, Trend, TrendState
from store.results import SqlResultStore

if TYPE_CHECKING:
    from reports.trends.judge import Judge

RECENT = 3
_REASONS, _WORSE = 20, 200
# A shift that so many of an app's kind make together is hardly the apps' own.
_TOGETHER, _FEWEST_TOGETHER = 0.5, 5


async def regressions(
    stored: Stored, pipeline_id: str, *, limit: int = 100, recent: int = RECENT
) -> Regressions:
    """What changed in the apps of a pipeline since earlier ones.

    Args:
        stored: the store.
        pipeline_id: whose apps; later pipelines do not count.
        limit: of the changes to list.
        recent: a change for the worse is new if it began in one of the last so many pipelines.

    Raises:
        NotStoredError: there is no such pipeline.
        PlatformError: the store cannot be read.
    """
    from reports.trends.judge import Judge  # it needs scipy, which other commands need not wait for

    judge = Judge()
    pipelines: tuple[str, ...] = ()
    apps = 0

    async def ask(results: SqlResultStore) -> None:
        nonlocal pipelines, apps
        async with aclosing(results.figures_of_pipeline(pipeline_id)) as parts:
            async for part in parts:
                pipelines = tuple(at.pipeline_id for at in part.pipelines)
                apps += sum(row.pipeline_id == pipeline_id for row in part.rows)
                await asyncio.to_thread(_take, judge, part)

    await stored.answered(pipeline_id, ask, lags=True)
    found, notes = _with_shared_causes(await asyncio.to_thread(judge.result), apps)
    changes = sorted(found, key=lambda trend: trend.direction is not Direction.WORSE)
    fresh = pipelines[-recent:]
    worse = list(dict.fromkeys(one.app for one in changes if is_worse(one, fresh)))
    return Regressions(
        pipeline_id=pipeline_id,
        pipelines=pipelines,
        figures={state: judge.states[state] for state in TrendState},
        changes=tuple(one.model_copy(update={"series": ()}) for one in changes[:limit]),
        changes_left_out=max(0, len(changes) - limit),
        worse=tuple(worse[:_WORSE]),
        worse_total=len(worse),
        recent=recent,
        reasons=_reasons(judge.reasons),
        notes=tuple(notes),
    )


async def app_trends(stored: Stored, ref: AppRef, until: str = "") -> AppTrends:
    """Every figure of an app over the pipelines that have an app of this name.

    Args:
        stored: the store.
        ref: the app.
        until: the newest pipeline to look at; empty: the newest that there is.

    Raises:
        WrongInputError: no pipeline has such an app.
        NotStoredError: there is no pipeline `until`.
        PlatformError: the store cannot be read.
    """
    from reports.trends.judge import Judge

    async def ask(results: SqlResultStore) -> FiguresPart:
        return await results.figures_of_app(ref, until)

    part = await stored.answered(until or "any", ask, lags=True)
    if not part.pipelines:
        raise WrongInputError(
            f"no pipeline has an app {ref.label}", next_step="list the apps of a pipeline"
        )
    judge = Judge(whole=True)
    await asyncio.to_thread(_take, judge, part)
    trends = await asyncio.to_thread(judge.result)
    pipelines = tuple(at.pipeline_id for at in part.pipelines)
    return AppTrends(app=ref.label, pipelines=pipelines, trends=tuple(trends))


def is_worse(trend: Trend, fresh: Container[str]) -> bool:
    """Whether a figure is worse since one of these pipelines, and nothing else is another one."""
    worse = trend.direction is Direction.WORSE and trend.since in fresh
    return worse and not trend.elsewhere


def _take(judge: "Judge", part: FiguresPart) -> None:
    from reports.trends.points import apps_of

    with uncollected():
        judge.add(apps_of(part))


async def newest_pipeline(stored: Stored) -> str:
    """The pipeline that began last.

    Raises:
        WrongInputError: there is none.
        PlatformError: the store cannot be read.
    """
    heads = await stored.heads()
    if not heads:
        raise WrongInputError("there is no pipeline yet", next_step="submit one")
    return max(heads, key=lambda head: (head.created_at, head.pipeline_id)).pipeline_id


def _reasons(counts: Counter[str]) -> tuple[ReasonCount, ...]:
    named = counts.most_common(_REASONS)
    rest = counts.total() - sum(count for _, count in named)
    others = [(f"{len(counts) - len(named)} other reasons", rest)] if rest else []
    return tuple(ReasonCount(reason=reason, count=count) for reason, count in (*named, *others))


def _with_shared_causes(found: Sequence[Trend], apps: int) -> tuple[list[Trend], list[str]]:
    """The same, and notes; where most moved together with the source they had, none is blamed.

    Their host or Assay's tools are the likelier cause.
    """
    kinds = Counter(_kind(one) for one in found if one.state is TrendState.CHANGED)
    least = max(_FEWEST_TOGETHER, _TOGETHER * apps)
    together = {kind: count for kind, count in kinds.items() if count >= least}
    told = [
        one.model_copy(update={"elsewhere": f"so it is for {count} of {apps} apps"})
        if (count := together.get(_kind(one))) and not one.source_changed and not one.elsewhere
        else one
        for one in found
    ]
    notes = [
        f"{count} of {apps} apps have another {figure} ({cell}, {direction}) since {since}: "
        "the host or the platform is a likelier cause than each of the apps"
        for (cell, figure, direction, since), count in together.items()
    ]
    if other := sum(bool(one.elsewhere) for one in told):
        where = "changes began where something else is another one, too"
        notes.append(f"{other} {where}: none of them counts as worse")
    return told, notes


def _kind(one: Trend) -> tuple[str, str, str, str]:
    return one.cell, one.figure, str(one.direction), one.since
