"""Findings of one app as SARIF 2.1.0: one log, one run per tool, never a log inside a run."""

from typing import Any
from urllib.parse import quote

from contract.analysis import Confidence, Finding, Location, MeasurementState, Severity
from reports.formats import unseen
from reports.model import CellReport, FleetReport

SCHEMA_URI = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# What GitHub code scanning sorts by; the middle of CVSS 3's bands.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 50.0, Confidence.LOW: 10.0}
_URL_SAFE = "/:?#[]@!$&'()*+,;=%~"
_FINGERPRINT = "assay/v1"


def to_sarif(report: FleetReport, model: str, app_number: int) -> dict[str, Any]:
    """A SARIF log of one app, with a run for every tool.

    A tool that did not measure has a run too, marked unsuccessful and without `results`: an empty
    list would say that it looked and found nothing (SARIF 2.1.0, 3.14.23).

    Raises:
        KeyError: the report has no such app.
    """
    cells = [cell for cell in report.cells if (cell.model, cell.app_number) == (model, app_number)]
    if not cells:
        raise KeyError(f"{model}/app{app_number}")
    prefix = f"assay/{report.pipeline.id}/{model}/app{app_number}"
    return {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [_run(cell, prefix) for cell in cells],
    }


def _run(cell: CellReport, prefix: str) -> dict[str, Any]:
    rules = list(dict.fromkeys(finding.rule_id for finding in cell.findings))
    indexes = {rule: index for index, rule in enumerate(rules)}
    driver: dict[str, Any] = {
        "name": cell.tool,
        "rules": [_rule(rule, cell.findings) for rule in rules],
    }
    if cell.version:
        driver["version"] = cell.version
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{prefix}/{cell.analyzer}/{cell.tool}/"},
        "invocations": [_invocation(cell)],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the app's folder"}}},
        "properties": {"analyzer": cell.analyzer.value, "state": cell.state.value},
    }
    if cell.state is MeasurementState.MEASURED:
        run["results"] = [_result(one, indexes[one.rule_id]) for one in cell.findings]
    return run


def _invocation(cell: CellReport) -> dict[str, Any]:
    measured = cell.state is MeasurementState.MEASURED
    invocation: dict[str, Any] = {"executionSuccessful": measured}
    level = "note" if cell.state is MeasurementState.NOT_APPLICABLE else "error"
    told = [(level, cell.reason)] if cell.reason else []
    if cell.not_looked_at:
        told.append(("warning", f"not looked at: {unseen(cell.not_looked_at)}"))
    if told:
        invocation["toolExecutionNotifications"] = [
            {"level": level, "message": {"text": text}} for level, text in told
        ]
    if cell.provenance.argv:
        invocation["arguments"] = list(cell.provenance.argv[0][1:])
    if cell.provenance.exit_codes:
        invocation["exitCode"] = cell.provenance.exit_codes[0]
    return invocation


def _rule(rule_id: str, findings: tuple[Finding, ...]) -> dict[str, Any]:
    example = next(finding for finding in findings if finding.rule_id == rule_id)
    cwes = sorted(
        {cwe for finding in findings if finding.rule_id == rule_id for cwe in finding.cwe}
    )
    tags = [example.category.value, *(f"external/cwe/cwe-{cwe:03d}" for cwe in cwes)]
    properties = {"tags": tags, "security-severity": _SECURITY_SEVERITY[example.severity]}
    return {
        "id": rule_id,
        "shortDescription": {"text": _one_line(example.message) or rule_id},
        "defaultConfiguration": {"level": _LEVELS[example.severity]},
        "properties": properties,
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule_id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "kind": "fail",
        "rank": _RANKS[finding.confidence],
        "message": {"text": finding.message or finding.rule_id},
        "properties": {
            "severity": finding.severity.value,
            "witnesses": list(dict.fromkeys(finding.witnesses)),
        },
    }
    if place := _location(finding.location):
        result["locations"] = [place]
    if finding.fingerprint:
        result["partialFingerprints"] = {_FINGERPRINT: finding.fingerprint}
    return result


def _location(location: Location) -> dict[str, Any] | None:
    place: dict[str, Any] = {}
    if location.path:
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": _uri(location.path), "uriBaseId": "SRCROOT"}
        }
        if location.line:
            physical["region"] = _region(location)
        place["physicalLocation"] = physical
    if location.url:
        name = f"{location.method or 'GET'} {location.url}"
        place["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
        if not location.path:
            place["physicalLocation"] = {"artifactLocation": {"uri": _uri(location.url)}}
    return place or None


def _region(location: Location) -> dict[str, int]:
    region = {"startLine": location.line or 1}
    if location.end_line and location.end_line >= region["startLine"]:
        region["endLine"] = location.end_line
    if location.column:
        region["startColumn"] = location.column
    return region


def _uri(text: str) -> str:
    """A URI reference (RFC 3986); an app's file names may hold anything."""
    return quote(text, safe=_URL_SAFE if "://" in text else "/")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
