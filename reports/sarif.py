"""The full record of one app as SARIF 2.1.0: a run per tool, and one of all weaknesses, each once.

One log, never a log inside a run. What is uploaded to GitHub is made by `sarif_github.py`.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import MeasurementState
from contract.weakness import BaselineState, Weakness
from reports.formats import unseen
from reports.model import AppReport, CellReport
from reports.sarif_results import SOURCE_ROOT, Results, Style, results_of
from reports.sarif_text import cleaned, plain
from reports.tool_pages import TOOL_PAGES

SCHEMA_URI = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
PRODUCT = "Assay"
Notice = tuple[str, str]
"""Level and text of something that a reader of a run must know."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Whose log it is.

    Attributes:
        app: one app of a pipeline.
        baseline: ID of the pipeline that it is compared with; empty: none.
    """

    app: AppReport
    baseline: str = ""

    def automation_id(self, *parts: str, pipeline: str = "") -> str:
        """ID of a run: a name that is the same in each scan, then `/` and the ID of the scan."""
        ref = self.app.ref
        return identified(
            ref.model, f"app{ref.app_number}", *parts, pipeline or self.app.pipeline_id
        )

    @property
    def looked(self) -> bool:
        """Whether any tool that looks for findings has measured."""
        return any(cell.finding_count is not None for cell in self.app.cells)


def identified(*names: str) -> str:
    """ID of a run of these names."""
    return cleaned("/".join(("assay", *names)))


def to_sarif(app: AppReport, baseline: str = "") -> dict[str, Any]:
    """A SARIF log of one app, with a run for every tool and one for its weaknesses after fusion.

    A tool that did not measure has a run too, marked unsuccessful and without `results`: an empty
    list would say that it looked and found nothing (SARIF 2.1.0, 3.14.23).

    Where there is a baseline, weaknesses that could not be compared with it are in a run of their
    own: a run says of all its results how they compare, or of none (3.27.24).
    """
    scan = Scan(app, baseline)
    return log_of([*_fused_runs(scan), *(_tool_run(scan, cell) for cell in app.cells)])


def log_of(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A log of these runs."""
    return {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": list(runs)}


def written(log: dict[str, Any]) -> bytes:
    """A log as a file: read by programs, so without blanks."""
    return json.dumps(log, separators=(",", ":")).encode()


def run_of(
    driver: dict[str, Any], automation_id: str, invocation: dict[str, Any], seen: Results | None
) -> dict[str, Any]:
    """A run. It has no `results` if `seen` is None, because no tool looked."""
    run: dict[str, Any] = {
        "tool": {"driver": {**driver, "rules": seen.rules if seen else []}},
        "automationDetails": {"id": automation_id, "guid": guid(automation_id)},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {SOURCE_ROOT: {"description": {"text": "the app's folder"}}},
    }
    if seen:
        run["results"] = seen.results
    return run


def guid(automation_id: str) -> str:
    """GUID of the run of this ID: the same whenever it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, automation_id))


def invocation_of(successful: bool, notices: Sequence[Notice]) -> dict[str, Any]:
    """An invocation with `notices` for its reader."""
    invocation: dict[str, Any] = {"executionSuccessful": successful}
    if notices:
        invocation["toolExecutionNotifications"] = [
            {"level": level, "message": {"text": plain(text)}} for level, text in notices
        ]
    return invocation


def notices_of(cell: CellReport) -> list[Notice]:
    """What the tool did not look at, and why."""
    level = "note" if cell.state is MeasurementState.NOT_APPLICABLE else "error"
    notices = [(level, cell.report.reason)] if cell.report.reason else []
    if cell.not_looked_at:
        notices.append(("warning", f"not looked at: {unseen(cell.not_looked_at)}"))
    notices += [("warning", cut) for cut in cell.report.provenance.cuts]
    return notices


def _fused_runs(scan: Scan) -> list[dict[str, Any]]:
    """The run of all weaknesses; two where only some could be compared with the baseline."""
    mine = scan.app.weaknesses
    if all(weakness.baseline is None for weakness in (*mine, *scan.app.gone)):
        return [_fused_run(scan, mine, ())]
    alone = [one for one in mine if one.baseline in (None, BaselineState.UNKNOWN)]
    fixed = [one for one in scan.app.gone if one.baseline is BaselineState.FIXED]
    compared = [one for one in mine if one.baseline not in (None, BaselineState.UNKNOWN)]
    runs = [_fused_run(scan, [*compared, *fixed], (), compared=True)]
    return runs + ([_fused_run(scan, alone, ("not-compared",))] if alone else [])


def _fused_run(
    scan: Scan, weaknesses: Sequence[Weakness], parts: tuple[str, ...], *, compared: bool = False
) -> dict[str, Any]:
    style = Style(scan.app.main_file, every_tool=True, decided=True, compared=compared)
    seen = results_of(weaknesses, style) if scan.looked else None
    notices: list[Notice] = [("warning", cut) for cut in seen.cuts] if seen else []
    if not scan.looked:
        notices.append(("error", "no tool that looks for weaknesses has measured"))
    notices += _unsure(scan) if compared else ()
    invocation = invocation_of(scan.looked, notices)
    run = run_of({"name": PRODUCT}, scan.automation_id(*parts), invocation, seen)
    if compared and scan.baseline:
        run["baselineGuid"] = guid(scan.automation_id(pipeline=scan.baseline))
    counts = "weaknesses after fusion of all tools, each once"
    run["properties"] = {"counts": f"{counts}{_part(parts, compared)}"}
    return run


def _part(parts: tuple[str, ...], compared: bool) -> str:
    if parts:
        return "; those of which nobody knows whether the baseline has them"
    return "; `absent` ones are those of the baseline that are fixed" if compared else ""


def _unsure(scan: Scan) -> list[Notice]:
    """How many weaknesses of the baseline nobody looked for again."""
    lost = sum(one.baseline is BaselineState.UNKNOWN for one in scan.app.gone)
    text = f"{lost:,} weaknesses of the baseline were not looked for again: not known to be fixed"
    return [("warning", text)] if lost else []


def _tool_run(scan: Scan, cell: CellReport) -> dict[str, Any]:
    measured = cell.state is MeasurementState.MEASURED
    raw = [Weakness(finding=finding) for finding in cell.report.findings]
    seen = results_of(raw, Style(scan.app.main_file)) if measured else None
    notices = notices_of(cell) + [("warning", cut) for cut in (seen.cuts if seen else ())]
    invocation = invocation_of(measured, notices)
    if cell.report.provenance.argv:
        invocation["arguments"] = [cleaned(word) for word in cell.report.provenance.argv[0][1:]]
    if cell.report.provenance.exit_codes:
        invocation["exitCode"] = cell.report.provenance.exit_codes[0]
    driver = driver_of(cell)
    run = run_of(driver, scan.automation_id(cell.analyzer.value, cell.tool), invocation, seen)
    run["properties"] = {"analyzer": cell.analyzer.value, "state": cell.state.value}
    return run


def driver_of(cell: CellReport) -> dict[str, Any]:
    """A tool as a `toolComponent`."""
    driver = {"name": cleaned(cell.tool) or "unnamed"}
    if cell.report.version:
        driver["version"] = cleaned(cell.report.version)
    if page := TOOL_PAGES.get(cell.tool):
        driver["informationUri"] = page
    return driver
