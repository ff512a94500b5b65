"""`findings`: lists the weaknesses of a recorded pipeline."""

import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from activities.ports import ResultStore
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, say
from cli.program import command
from cli.safe import one_line, shown
from contract.analysis import Location, Severity
from contract.analyzers import Category
from contract.findings import FoundWeakness
from control.findings import Findings, Search, findings, standing_of
from control.findings_asked import Asked
from control.findings_unseen import unseen
from reports.baseline import tools_of
from reports.found import found_head, found_lines, found_sarif
from reports.sarif_results import MAX_RESULTS
from settings import Settings

Form = Literal["table", "json", "sarif", "csv"]
_SHOWN = 100
_WHOLE = ("severity", "state", "fingerprint")
_STYLES = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}


async def run_findings(
    settings: Settings,
    pipeline_id: str,
    wanted: Asked,
    after: str,
    form: Form,
    limit: int | None,
) -> Exit:
    """List the weaknesses; what could not be seen is said on standard error."""
    stored, query = store_of(settings), wanted.query(pipeline_id, after)
    if form == "csv":

        async def write(results: ResultStore) -> Findings:
            search = await Search.open(results, query, wanted.standings)
            await _write_csv(search, pipeline_id, limit)
            return search.document(())

        _say_unseen(await stored.answered(pipeline_id, write, lags=True))
        return Exit.OK
    most = limit or (MAX_RESULTS if form == "sarif" else _SHOWN)
    document = await findings(stored, query, wanted.standings, most)
    match form:
        case "json":
            print_json(document)
        case "sarif":
            notices = [("warning", text) for text in _unseen(document)]
            print_json(found_sarif(pipeline_id, document.findings, notices, not notices))
        case _:
            print_lines(*_lines(document))
    _say_unseen(document)
    return Exit.OK


async def _write_csv(search: Search, pipeline_id: str, limit: int | None) -> None:
    """Write the lines page by page, as the reader takes them."""
    _write_out(found_head())
    left = sys.maxsize if limit is None else limit
    while search.after is not None and left > 0:
        found = await search.take(min(1_000, left))
        left -= len(found)
        _write_out(found_lines(pipeline_id, found))


def _write_out(lines: bytes) -> None:
    """Write lines as they are, whatever the locale; a terminal gets nothing that it would obey."""
    if sys.stdout.isatty():
        lines = shown(lines.decode()).encode()
    sys.stdout.flush()
    sys.stdout.buffer.write(lines)


def _lines(document: Findings) -> Iterator[RenderableType]:
    if document.findings:
        yield _table(document.findings)
    shown = len(document.findings)
    total = "" if document.total is None else f" of {document.total}"
    noun = (
        "weakness" if (shown if document.total is None else document.total) == 1 else "weaknesses"
    )
    counted = f"{shown}{total} {noun}" if shown or not _unseen(document) else "none is listed"
    yield f"{counted} ({_about(document)})"


def _about(document: Findings) -> str:
    if len(document.categories) == len(Category):
        return "of every category"
    return f"of {', '.join(document.categories)}; --category all lists every other, too"


def _table(found: Sequence[FoundWeakness]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("severity", "state", "weakness", "where", "app", "seen by", "fingerprint"):
        table.add_column(name, overflow="fold", no_wrap=name in _WHOLE)
    for item in found:
        finding = item.weakness.finding
        cwe = f"CWE-{finding.cwe[0]} " if finding.cwe else ""
        table.add_row(
            Text(finding.severity, style=_STYLES.get(finding.severity, "")),
            Text(standing_of(item)),
            Text(one_line(f"{cwe}{item.weakness.family or finding.rule_id}")),
            Text(one_line(place_of(finding.location))),
            Text(one_line(item.ref.label)),
            Text(one_line(", ".join(tools_of(finding))), style="dim"),
            Text(one_line(finding.fingerprint), style="dim"),
        )
    return table


def place_of(place: Location) -> str:
    """File and line, or operation and parameter."""
    if place.path:
        return f"{place.path}:{place.line}" if place.line else place.path
    operation = " ".join(filter(None, (place.method, place.url)))
    return f"{operation} ({place.parameter})" if place.parameter else operation


def _say_unseen(document: Findings) -> None:
    for text in _unseen(document):
        say(text)
    if document.after is not None:
        say(f"there are more: --after {document.after}")


def _unseen(document: Findings) -> list[str]:
    """What could not be seen, for people."""
    write = command(f"report {document.pipeline_id}")
    return unseen(document, write, command(f"report {document.pipeline_id} --anew"))
