"""SARIF 2.1.0: the identity of a finding across runs, and one log for all tools of a run."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from contract.analysis import Finding, MeasurementState, Severity, ToolReport

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def fingerprint(identity: str, place: str, snippet: str = "") -> str:
    """Identity of a finding across runs: never depends on a line number (SARIF 2.1.0, 3.27.16).

    `identity` is what is wrong (`CWE-89`, or the rule where no CWE is known), `place` the path or
    operation, `snippet` the code; blanks in it do not count, so that reformatting changes nothing.
    """
    parts = (identity, place, re.sub(r"\s+", "", snippet))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def sarif_log(reports: Sequence[ToolReport]) -> dict[str, Any]:
    """One log with one run per tool; a tool that did not measure says so in its invocation."""
    return {
        "$schema": SARIF_SCHEMA,
        "version": SARIF_VERSION,
        "runs": [_run(report) for report in reports],
    }


def _run(report: ToolReport) -> dict[str, Any]:
    measured = report.state is MeasurementState.MEASURED
    invocation: dict[str, Any] = {"executionSuccessful": measured}
    if not measured:
        note = {"level": "error", "message": {"text": f"{report.state}: {report.reason}"}}
        invocation["toolExecutionNotifications"] = [note]
    driver: dict[str, Any] = {"name": report.tool, "rules": _rules(report.findings)}
    if report.version:
        driver["version"] = report.version
    run: dict[str, Any] = {"tool": {"driver": driver}, "invocations": [invocation]}
    if measured:  # without results SARIF means "not determined", with [] "looked and found none"
        run["results"] = [_result(finding) for finding in report.findings]
    return run


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for finding in findings:
        tags = [str(finding.category), *(f"external/cwe/cwe-{number}" for number in finding.cwe)]
        rules.setdefault(finding.rule_id, {"id": finding.rule_id, "properties": {"tags": tags}})
    return list(rules.values())


def _result(finding: Finding) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule_id,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {"assay/v1": finding.fingerprint},
        "properties": {"severity": str(finding.severity), "confidence": str(finding.confidence)},
    }
    if finding.location.path is not None:
        result["locations"] = [_location(finding)]
    return result


def _location(finding: Finding) -> dict[str, Any]:
    where = finding.location
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": where.path, "uriBaseId": "%SRCROOT%"},
    }
    if where.line is not None:
        region = {
            "startLine": where.line,
            "endLine": where.end_line,
            "startColumn": where.column,
        }
        physical["region"] = {key: value for key, value in region.items() if value is not None}
    return {"physicalLocation": physical}
