"""`compare`: what is new, fixed and unknown in a later pipeline."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.commands.findings import place_of
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.safe import one_line
from contract.analyzers import Category
from contract.weakness import BaselineState
from control.comparing import Change, Comparison, compare
from control.naming import app_of
from reports.baseline_results import BaselineCount
from reports.rates import GRAVE
from settings import Settings

_STYLES = {BaselineState.NEW: "red", BaselineState.FIXED: "green", BaselineState.UNKNOWN: "yellow"}


async def run_compare(
    settings: Settings,
    earlier: str,
    later: str,
    apps: Sequence[str],
    categories: Sequence[Category],
    limit: int,
    *,
    as_json: bool,
) -> Exit:
    """Print the comparison; needs no server."""
    document = await compare(
        store_of(settings),
        earlier,
        later,
        only=[app_of(app) for app in apps],
        categories=categories,
        limit=limit,
    )
    for note in document.notes:
        say(note)
    print_result(document, *_lines(document, categories), as_json=as_json)
    return Exit.OK


def _lines(document: Comparison, categories: Sequence[Category]) -> Iterator[RenderableType]:
    yield _counts(document, categories)
    for reason in document.summary.reasons:
        yield Text(one_line(f"unknown: {reason.count} x {reason.reason}"), style="dim")
    if document.changes:
        yield _changes(document.changes)
    if document.changes_left_out:
        yield f"and {document.changes_left_out} more (--limit, --app, --json)"


def _counts(document: Comparison, categories: Sequence[Category]) -> Table:
    """A row per model; high and critical ones in brackets."""
    title = Text(one_line(f"{document.now} against {document.then}: {', '.join(categories)}"))
    table = Table(title=title, title_justify="left")
    for name in ("model", *BaselineState):
        table.add_column(name)
    for row in document.summary.models:
        table.add_row(Text(one_line(row.model)), *_cells(row.counts, categories))
    table.add_row("all", *_cells(document.summary.counts, categories), style="bold")
    return table


def _cells(counts: Sequence[BaselineCount], categories: Sequence[Category]) -> Iterator[str]:
    for state in BaselineState:
        mine = [row for row in counts if row.state is state and row.category in categories]
        grave = sum(row.count for row in mine if row.severity in GRAVE)
        yield f"{sum(row.count for row in mine)}" + (f" ({grave} high)" if grave else "")


def _changes(changes: Sequence[Change]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("change", "severity", "weakness", "where", "app", "fingerprint"):
        table.add_column(name, overflow="fold", no_wrap=name in ("change", "fingerprint"))
    for change in changes:
        finding = change.weakness.finding
        told = "gone, unknown" if change.state is BaselineState.UNKNOWN and not change.there else ""
        cwe = f"CWE-{finding.cwe[0]} " if finding.cwe else ""
        table.add_row(
            Text(told or change.state, style=_STYLES.get(change.state, "")),
            Text(finding.severity),
            Text(one_line(f"{cwe}{change.weakness.family or finding.rule_id}")),
            Text(one_line(place_of(finding.location))),
            Text(one_line(change.app)),
            Text(one_line(finding.fingerprint), style="dim"),
        )
    return table
