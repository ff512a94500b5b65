"""One app's weaknesses as GitHub code scanning takes them: SARIF 2.1.0 within its limits.

A run for each tool that measured and looks for weaknesses, all by the name of Assay: each run is a
category of its own, and GitHub closes an alert only when its category is uploaded without it. So
what a tool did not look at this time stays open, and each weakness is in one run, that of the
witness it is reported under.
"""

import gzip
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contract.analysis import Finding, MeasurementState
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
from reports.sarif_results import MAX_RESULTS, Style, results_of
from reports.sarif_rules import FUSED, SEVERITY_RANK, rule_name

MAX_RUNS = 20
MAX_GZIP_BYTES = 10 * 1024**2
SHOWN_RESULTS = 5_000
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class _Part:
    """The cells, weaknesses and notices that one run is made of."""

    name: str
    cells: tuple[CellReport, ...]
    found: tuple[Weakness, ...] = ()
    notices: tuple[Notice, ...] = ()


def github_sarif(app: AppReport, finders: Collection[str] = ()) -> bytes | None:
    """The file to upload; None where no tool measured: it would say that nothing was found.

    It has no `baselineState`: GitHub compares uploads itself.

    Args:
        app: one app of a pipeline.
        finders: tools that are known to find something on some app; where there are more tools than
            runs, those that find nothing anywhere go first.
    """
    scan = Scan(app)
    parts = _parts(app, finders)
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


def _parts(app: AppReport, finders: Collection[str]) -> list[_Part]:
    measured = {cell.tool: cell for cell in app.cells if cell.finding_count is not None}
    if not measured:
        return []
    found = _by_tool(app.weaknesses, measured)
    parts = [_Part(tool, (cell,), found.pop(tool, ())) for tool, cell in measured.items()]
    parts += [_Part(_OTHERS, (), mine) for mine in found.values()]
    parts.sort(key=lambda part: _first(part, finders))
    kept = _within(parts)
    first = replace(kept[0], notices=(*kept[0].notices, *_missing(app)))
    return [first, *kept[1:]]


def _by_tool(
    weaknesses: Sequence[Weakness], measured: Mapping[str, CellReport]
) -> dict[str, tuple[Weakness, ...]]:
    """Each weakness once."""
    groups: defaultdict[str, list[Weakness]] = defaultdict(list)
    for weakness in weaknesses:
        groups[tool_of(weakness.finding, measured) or _OTHERS].append(weakness)
    return {tool: tuple(mine) for tool, mine in groups.items()}


def tool_of(finding: Finding, measured: Collection[str]) -> str:
    """The tool whose rule it has, else a witness, of those that measured; empty: none of them."""
    seen_by = [witness.partition(":")[0] for witness in finding.witnesses]
    own = finding.tool if finding.tool != FUSED else rule_name(finding).tool
    return next((tool for tool in (own, *seen_by) if tool in measured), "")


def _first(part: _Part, finders: Collection[str]) -> tuple[int, bool, str]:
    gravest = min((SEVERITY_RANK[one.finding.severity] for one in part.found), default=99)
    return gravest, part.name not in finders, part.name


def _within(parts: list[_Part]) -> list[_Part]:
    """At most `MAX_RUNS` parts: empty parts are left out first, then the least grave are merged."""
    if len(parts) <= MAX_RUNS:
        return parts
    full = [part for part in parts if part.found]
    empty = [part for part in parts if not part.found]
    if len(full) > MAX_RUNS:
        rest = full[MAX_RUNS - 1 :]
        full = [*full[: MAX_RUNS - 1], _merged(rest)]
    kept, cut = empty[: MAX_RUNS - len(full)], empty[MAX_RUNS - len(full) :]
    if cut:
        names = ", ".join(part.name for part in cut)
        text = f"cut: runs of tools that found nothing beyond {MAX_RUNS} runs: {names}"
        full[0:1] = [replace(part, notices=(("note", text),)) for part in full[0:1]]
    return [*full, *kept]


def _merged(parts: Sequence[_Part]) -> _Part:
    names = ", ".join(part.name for part in parts)
    return _Part(
        name=_OTHERS,
        cells=tuple(cell for part in parts for cell in part.cells),
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
    parts = (part.cells[0].analyzer.value, part.name) if len(part.cells) == 1 else (part.name,)
    run = run_of({"name": PRODUCT}, scan.automation_id(*parts), invocation_of(True, notices), seen)
    if part.cells:
        run["tool"]["extensions"] = [driver_of(cell) for cell in part.cells]
    return run
