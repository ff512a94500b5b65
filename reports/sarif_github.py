"""One app's weaknesses as GitHub code scanning takes them: SARIF 2.1.0 within its limits.

A run for each tool that measured and looks for weaknesses, all by the name of Assay: each run is a
category of its own, and GitHub closes an alert only when its category is uploaded without it. So
what a tool did not look at this time stays open, and each weakness is in one run, that of the
witness it is reported under. A run that does not list all has a category of its pipeline alone.
"""

import gzip
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contract.analysis import Finding, MeasurementState
from contract.outcome import ALL_TOOLS
from contract.weakness import Weakness
from reports.model import AppReport, CellReport
from reports.sarif import (
    PRODUCT,
    Notice,
    Scan,
    driver_of,
    invocation_of,
    log_of,
    notices_of,
    run_of,
    written,
)
from reports.sarif_category import OTHERS, SHARED, SHOWN_RESULTS, digest_of, sharing
from reports.sarif_results import MAX_RESULTS, Results, Style, has_place, results_of
from reports.sarif_rules import FUSED, SEVERITY_RANK, rule_name

MAX_GZIP_BYTES = 10 * 1024**2


@dataclass(frozen=True, slots=True)
class _Part:
    """What one run is made of; weaknesses of tools that did not measure have no cells."""

    cells: tuple[CellReport, ...]
    found: tuple[Weakness, ...] = ()
    notices: tuple[Notice, ...] = ()


def github_sarif(app: AppReport) -> bytes | None:
    """The file to upload; None where no tool measured: it would say that nothing was found.

    It has no `baselineState`: GitHub compares uploads itself.
    """
    scan = Scan(app)
    parts = _parts(app)
    if not parts:
        return None
    return within_upload(lambda limit: [_run(scan, part, limit) for part in parts], MAX_RESULTS)


def within_upload(runs: Callable[[int], list[dict[str, Any]]], limit: int) -> bytes:
    """A log of `runs(limit)` with the highest limit of results at which GitHub takes it."""
    while True:
        data = written(log_of(runs(limit)))
        if not limit or _packed_bytes(data) <= MAX_GZIP_BYTES:
            return data
        limit //= 2


def _packed_bytes(data: bytes) -> int:
    """Size of the upload, compressed; text below the limit is not compressed to learn its size."""
    return len(data) if len(data) <= MAX_GZIP_BYTES else len(gzip.compress(data, 6, mtime=0))


def _parts(app: AppReport) -> list[_Part]:
    looks = {cell.name: cell for cell in app.cells if cell.looks_for and cell.tool != ALL_TOOLS}
    measured = {cell.tool: cell for cell in app.cells if cell.finding_count is not None}
    if not measured:
        return []
    found = _by_tool(app.weaknesses, measured)
    shared = sharing(looks)
    every = [_Part((cell,), found.pop(tool, ())) for tool, cell in measured.items()]
    parts = [part for part in every if part.cells[0].name not in shared]
    if together := [part for part in every if part.cells[0].name in shared]:
        parts.append(_merged(together))
    parts += [_Part((), mine) for mine in found.values()]
    parts.sort(key=_first)
    first = replace(parts[0], notices=(*parts[0].notices, *_missing(app)))
    return [first, *parts[1:]]


def _by_tool(
    weaknesses: Sequence[Weakness], measured: Mapping[str, CellReport]
) -> dict[str, tuple[Weakness, ...]]:
    """Each weakness once."""
    groups: defaultdict[str, list[Weakness]] = defaultdict(list)
    for weakness in weaknesses:
        groups[tool_of(weakness.finding, measured) or OTHERS].append(weakness)
    return {tool: tuple(mine) for tool, mine in groups.items()}


def tool_of(finding: Finding, measured: Collection[str]) -> str:
    """The tool whose rule it has, else a witness, of those that measured; empty: none of them."""
    seen_by = [witness.partition(":")[0] for witness in finding.witnesses]
    own = finding.tool if finding.tool != FUSED else rule_name(finding).tool
    return next((tool for tool in (own, *seen_by) if tool in measured), "")


def _first(part: _Part) -> tuple[int, str]:
    gravest = min((SEVERITY_RANK[one.finding.severity] for one in part.found), default=99)
    return gravest, ", ".join(cell.name for cell in part.cells)


def _merged(parts: Sequence[_Part]) -> _Part:
    """Tools that share a run; those that found nothing say so in it, too."""
    cells = tuple(cell for part in parts for cell in part.cells)
    names = ", ".join(cell.name for cell in cells)
    return _Part(
        cells=cells,
        found=tuple(weakness for part in parts for weakness in part.found),
        notices=(("note", f"more tools than runs: this one has what is of {names}"),),
    )


def _missing(app: AppReport) -> tuple[Notice, ...]:
    """Tools that did not measure, whose alerts therefore stay as they are, and why."""
    lost = (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
    return tuple(
        ("warning", f"{cell.name} did not measure: {cell.report.reason}")
        for cell in app.cells
        if cell.state in lost
    )


def _run(scan: Scan, part: _Part, max_results: int) -> dict[str, Any]:
    style = Style(scan.app.main_file, every_tool=True, complete=True, decided=True)
    seen = results_of(part.found, style, max_results)
    notices = [*part.notices, *(notice for cell in part.cells for notice in notices_of(cell))]
    notices += [("warning", cut) for cut in seen.cuts]
    if len(seen.results) > SHOWN_RESULTS:
        shown = f"GitHub shows {SHOWN_RESULTS:,} of the {len(seen.results):,} results of a run"
        notices.append(("note", shown))
    automation_id = scan.automation_id(*_named(part), *_where(scan, part, style, seen))
    run = run_of({"name": PRODUCT}, automation_id, invocation_of(True, notices), seen)
    if part.cells:
        run["tool"]["extensions"] = [driver_of(cell) for cell in part.cells]
    return run


def _named(part: _Part) -> tuple[str, ...]:
    match part.cells:
        case ():
            return (OTHERS,)
        case (cell,):
            return (cell.analyzer.value, cell.tool)
        case cells:
            return SHARED, digest_of(cell.name for cell in cells)


def _where(scan: Scan, part: _Part, style: Style, seen: Results) -> tuple[str, ...]:
    """What sets the category of a run apart that does not list all."""
    placed = sum(has_place(one.finding, style) for one in part.found)
    cut = len(seen.results) < placed or placed > SHOWN_RESULTS
    if cut or not part.cells or any(cell.report.provenance.cuts for cell in part.cells):
        return (scan.app.pipeline_id,)
    return ("no-file",) if placed < len(part.found) else ()
