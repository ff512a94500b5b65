"""The full record of one app as SARIF 2.1.0: a run per tool, and one of all weaknesses, each once.

One log, never a log inside a run. What is uploaded to GitHub is made by `sarif_github.py`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import Finding, MeasurementState
from contract.spec import AppRef
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
class OneApp:
    """The parts of a report that the logs of one app are made of."""

    pipeline: str
    ref: AppRef
    cells: tuple[CellReport, ...]
    weaknesses: tuple[Finding, ...]
    main_file: str

    def automation_id(self, *parts: str) -> str:
        """ID of a run: a name that is the same in each scan, then `/` and the ID of the scan."""
        names = ("assay", self.ref.model, f"app{self.ref.app_number}", *parts, self.pipeline)
        return cleaned("/".join(names))


def one_app(app: AppReport) -> OneApp:
    """What the logs of `app` are made of."""
    weaknesses = tuple(weakness.finding for weakness in app.weaknesses)
    return OneApp(app.pipeline_id, app.ref, app.cells, weaknesses, app.main_file)


def to_sarif(report: AppReport) -> dict[str, Any]:
    """A SARIF log of one app, with a run for every tool and one for its weaknesses after fusion.

    A tool that did not measure has a run too, marked unsuccessful and without `results`: an empty
    list would say that it looked and found nothing (SARIF 2.1.0, 3.14.23).
    """
    app = one_app(report)
    return log_of([_fused_run(app), *(_tool_run(app, cell) for cell in app.cells)])


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
        "automationDetails": {"id": automation_id},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {SOURCE_ROOT: {"description": {"text": "the app's folder"}}},
    }
    if seen:
        run["results"] = seen.results
    return run


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


def _fused_run(app: OneApp) -> dict[str, Any]:
    looked = any(cell.finding_count is not None for cell in app.cells)
    seen = results_of(app.weaknesses, Style(app.main_file, every_tool=True)) if looked else None
    notices: list[Notice] = [("warning", cut) for cut in seen.cuts] if seen else []
    if not looked:
        notices.append(("error", "no tool that looks for weaknesses has measured"))
    run = run_of({"name": PRODUCT}, app.automation_id(), invocation_of(looked, notices), seen)
    run["properties"] = {"counts": "weaknesses after fusion of all tools, each once"}
    return run


def _tool_run(app: OneApp, cell: CellReport) -> dict[str, Any]:
    measured = cell.state is MeasurementState.MEASURED
    seen = results_of(cell.report.findings, Style(app.main_file)) if measured else None
    notices = notices_of(cell) + [("warning", cut) for cut in (seen.cuts if seen else ())]
    invocation = invocation_of(measured, notices)
    if cell.report.provenance.argv:
        invocation["arguments"] = [cleaned(word) for word in cell.report.provenance.argv[0][1:]]
    if cell.report.provenance.exit_codes:
        invocation["exitCode"] = cell.report.provenance.exit_codes[0]
    driver = driver_of(cell)
    run = run_of(driver, app.automation_id(cell.analyzer.value, cell.tool), invocation, seen)
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
