"""`regressions` and `history`: apps against their own history; need no running stack."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.safe import one_line
from control.naming import app_of
from control.regression_documents import AppTrends, Regressions
from control.regressions import app_trends, newest_pipeline, regressions
from control.uncollected import uncollected
from reports.trends.model import Direction, Trend, TrendState
from reports.trends.words import amount, named, said, titled
from settings import Settings

_STYLES = {Direction.WORSE: "red", Direction.BETTER: "green"}


async def run_regressions(
    settings: Settings,
    pipeline_id: str | None,
    recent: int,
    limit: int,
    *,
    gate: bool,
    as_json: bool,
) -> Exit:
    """Print what changed; with `gate`, a figure that is worse by a new change ends with 13."""
    stored = store_of(settings)
    name = pipeline_id or await newest_pipeline(stored)
    with uncollected():
        document = await regressions(stored, name, limit=limit, recent=recent)
    for note in document.notes:
        say(note)
    print_result(document, *_lines(document), as_json=as_json)
    return Exit.REGRESSED if gate and document.worse_total else Exit.OK


async def run_history(settings: Settings, app: str, until: str, *, as_json: bool) -> Exit:
    """Print every figure of an app."""
    document = await app_trends(store_of(settings), app_of(app), until)
    print_result(document, *_history(document), as_json=as_json)
    return Exit.OK


def _lines(document: Regressions) -> Iterator[RenderableType]:
    others = len(document.pipelines) - 1
    counted = ", ".join(f"{document.figures[state]} {titled(state)}" for state in TrendState)
    yield Text(
        one_line(f"{document.pipeline_id} against {others} earlier: figures of apps: {counted}")
    )
    if document.changes:
        yield _table(document.changes, with_app=True)
    if document.changes_left_out:
        yield f"and {document.changes_left_out} more (--limit, --json)"
    if document.worse_total:
        yield Text(f"worse by a change in the last {document.recent}: {document.worse_total} apps")
    for reason in document.reasons:
        yield Text(one_line(f"{reason.count} x {reason.reason}"), style="dim")


def _history(document: AppTrends) -> Iterator[RenderableType]:
    yield Text(one_line(f"{document.app} in {len(document.pipelines)} pipelines"))
    if document.trends:
        yield _table(document.trends, with_app=False)
    else:
        yield "no load figures and no findings were measured yet"


def _table(trends: Sequence[Trend], *, with_app: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in (("app",) if with_app else ()) + ("tool", "figure", "now", "what is known"):
        table.add_column(name, overflow="fold")
    for trend in trends:
        style = _STYLES.get(trend.direction, "") if trend.direction else ""
        cells = [trend.app] if with_app else []
        cells += [trend.cell, named(trend.figure), amount(trend.after, trend.unit)]
        table.add_row(*(Text(one_line(cell)) for cell in cells), Text(one_line(said(trend)), style))
    return table
