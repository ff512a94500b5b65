"""SARIF: one log, one run per tool, fingerprints that survive a moved line."""

from analyzers.runtime.sarif import fingerprint, sarif_log
from contract.analysis import Coverage, Finding, Location, MeasurementState, Severity, ToolReport


def test_a_fingerprint_ignores_blanks_and_tells_places_apart():
    one = fingerprint("CWE-89", "app.py", "db.execute(q)")

    assert one == fingerprint("CWE-89", "app.py", "  db.execute( q )\n")
    assert one != fingerprint("CWE-89", "other.py", "db.execute(q)")
    assert one != fingerprint("CWE-79", "app.py", "db.execute(q)")


def test_each_tool_is_a_run_and_a_failed_one_has_no_results():
    finding = Finding(
        tool="bandit",
        rule_id="B608",
        message="SQL",
        severity=Severity.HIGH,
        cwe=(89,),
        location=Location(path="app.py", line=3),
        fingerprint="f",
    )
    measured = ToolReport(
        tool="bandit",
        version="1.9.4",
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=1),
        findings=(finding,),
    )
    failed = ToolReport(tool="ruff", state=MeasurementState.INFRA_FAILED, reason="killed")

    log = sarif_log([measured, failed])

    first, second = log["runs"]
    assert log["version"] == "2.1.0"
    assert first["results"][0]["level"] == "error"
    assert first["results"][0]["partialFingerprints"] == {"assay/v1": "f"}
    assert first["tool"]["driver"]["rules"][0]["properties"]["tags"] == [
        "security",
        "external/cwe/cwe-89",
    ]
    assert "results" not in second
    assert second["invocations"][0]["executionSuccessful"] is False
