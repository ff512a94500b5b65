"""`compare`: what is new, fixed and unknown in a later pipeline."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.commands.findings import place_of
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.safe import one_line
from contract.weakness import BaselineState
from control.compared_looks import LookCounts
from control.comparing import compare
from control.comparing_asked import AskedChanges
from control.comparing_words import figure_of, no_longer_measured, unmeasured
from control.comparison import Change, Comparison
from control.findings_asked import filters_of
from reports.baseline_results import BaselineCount
from settings import Settings

_STYLES = {BaselineState.NEW: "red", BaselineState.FIXED: "green", BaselineState.UNKNOWN: "yellow"}


async def run_compare(
    settings: Settings,
    earlier: str,
    later: str,
    typed: Mapping[str, Sequence[str] | None],
    limit: int,
    *,
    as_json: bool,
) -> Exit:
    """Print the comparison; needs no server."""
    wanted = filters_of(AskedChanges, typed)
    document = await compare(store_of(settings), earlier, later, wanted, limit=limit)
    for note in document.notes:
        say(note)
    print_result(document, *_lines(document), as_json=as_json)
    return Exit.OK


def _lines(document: Comparison) -> Iterator[RenderableType]:
    yield _counts(document)
    for text in unmeasured(document):
        yield Text(one_line(text), style="dim")
    for text in no_longer_measured(document):
        yield Text(one_line(f"no longer measured: {text}"), style="yellow")
    for reason in document.reasons:
        yield Text(one_line(f"unknown: {reason.count} x {reason.reason}"), style="dim")
    if document.changes:
        yield _changes(document.changes)
    if document.changes_left_out:
        yield f"and {document.changes_left_out} more (--limit, --app, --json)"


def _counts(document: Comparison) -> Table:
    """A row per model; high and critical ones in brackets."""
    about = ", ".join(document.categories)
    title = Text(one_line(f"{document.now} against {document.then}: {about}"))
    table = Table(title=title, title_justify="left")
    for name in ("model", *BaselineState, "not measured in both"):
        table.add_column(name)
    for row in document.models:
        table.add_row(Text(one_line(row.model)), *_cells(row.counts, row.looks))
    counts = [count for row in document.models for count in row.counts]
    table.add_row("all", *_cells(counts, document.looks), style="bold")
    return table


def _cells(counts: Sequence[BaselineCount], looks: LookCounts) -> Iterator[str]:
    for state in BaselineState:
        shown = figure_of(counts, looks, state)
        yield shown.text + (f" ({shown.grave} high)" if shown.grave else "")
    yield f"{looks.missing} of {looks.missing + looks.both}"


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
