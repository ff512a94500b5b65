"""A written report with control apps and a scaffold: each form of it says what they say."""

import json

from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord
from contract.role import AppRole
from contract.roles import scaffold_ref
from contract.weakness import Origin
from reports.model import AppReport, FleetReport
from tests.activities.test_write_report import written
from tests.support.control_records import (
    FLAWED,
    INFRA,
    MEASURED,
    STATIC,
    SUBJECT,
    finding,
    record,
    report,
    seen,
)

OTHER = ("n", 1)


def blind_bandit() -> PipelineRecord:
    """Bandit misses all in the control app, and claims something of a subject; opengrep sees."""
    return record(
        {
            SUBJECT: [report("bandit", findings=[finding("bandit", 89)]), report("opengrep")],
            OTHER: [report("bandit"), report("opengrep", findings=[finding("opengrep", 78)])],
            FLAWED: [report("bandit"), report("opengrep", findings=seen("opengrep", FLAWED))],
        }
    )


async def test_a_blind_tools_column_is_void_in_the_whole_report() -> None:
    files = await written(blind_bandit())
    fleet = FleetReport.model_validate_json(files["report.json"])

    (reason,) = fleet.void.values()
    assert list(fleet.void) == ["static/bandit"]
    assert "it did not see sqli-login (CWE-89) in careless-1/app1" in reason
    for label in ("m/app1", "n/app1"):
        assert fleet.matrix[label] == {
            "static/bandit": "infra_failed",
            "static/opengrep": "measured",
        }
    assert [(group.state, group.reason, group.count) for group in fleet.missing] == [
        ("infra_failed", reason, 2)
    ]
    (tally,) = fleet.totals.findings
    assert (tally.total, tally.cells.infra_failed) == (1, 2)
    assert next(one for one in fleet.controls.tools if one.tool == "bandit").void == reason


async def test_an_app_that_a_blind_tool_looked_at_is_neither_secure_nor_measured_in_full() -> None:
    files = await written(blind_bandit())
    fleet = FleetReport.model_validate_json(files["report.json"])

    secure = {app.ref.label: (app.secure, app.known_insecure) for app in fleet.apps}
    assert secure == {"m/app1": ("missing", False), "n/app1": ("missing", True)}
    clean = next(rate for rate in fleet.totals.rates if rate.name == "no_high_finding")
    assert (clean.passed, clean.missing, clean.rate, clean.left_out) == (0, 2, None, ())
    assert clean.bounds == (0.0, 1.0)
    assert clean.known_failed == 1, "opengrep alone proves it"
    assert {app.state for app in fleet.apps} == {INFRA}
    assert all("not trusted" in app.reason for app in fleet.apps)
    assert fleet.verdict.startswith("2 apps: 2 not measured in full because of the platform.")
    (model, _) = fleet.study.models
    assert (model.figures["secure"].value, model.figures["secure"].missing) == (None, 1)
    assert (model.figures["grave_findings"].value, model.figures["grave_findings"].n) == (None, 0)


async def test_no_file_of_a_subject_has_what_a_blind_tool_said() -> None:
    files = await written(blind_bandit())
    fleet = FleetReport.model_validate_json(files["report.json"])
    subject = next(app for app in fleet.apps if app.ref.label == "m/app1")
    document = AppReport.model_validate_json(files[f"apps/{subject.name}.json"])
    log = json.loads(files[f"{subject.name}.sarif"])

    assert document.weaknesses == ()
    assert [result for run in log["runs"] for result in run.get("results", ())] == []
    rows = files["cells.csv"].decode().splitlines()
    of_bandit = [row for row in rows if ",subject," in row and ",bandit," in row]
    assert of_bandit
    assert all("infra_failed" in row and "not trusted" in row for row in of_bandit)
    assert "not trusted" in files["report.html"].decode()


async def test_the_control_keeps_its_own_measurement_as_the_proof() -> None:
    files = await written(blind_bandit())
    fleet = FleetReport.model_validate_json(files["report.json"])
    (control,) = fleet.others
    document = AppReport.model_validate_json(files[f"apps/{control.name}.json"])

    assert {cell.tool: cell.state for cell in document.cells} == {
        "bandit": MEASURED,
        "opengrep": MEASURED,
    }
    assert [app.ref.label for app in fleet.apps] == ["m/app1", "n/app1"]
    assert fleet.totals.apps.total == 2
    assert f"{control.name}.sarif" in files
    assert f"{control.name}.github.sarif" not in files, "nobody is to mend it"


async def test_what_the_scaffold_brought_is_told_apart_and_not_dropped() -> None:
    brought = finding("bandit", 798, line=3, evidence='key = "dev"')
    written_by_model = finding("bandit", 89, line=9, evidence="execute(q)")
    ref = scaffold_ref(1)
    pipeline = record({SUBJECT: [report("bandit", findings=[brought, written_by_model])]})
    scaffold = report("bandit", findings=[brought])
    pipeline = pipeline.model_copy(
        update={
            "apps": (
                *pipeline.apps,
                AppRecord(ref=ref, role=AppRole.SCAFFOLD, analyzers=(STATIC,), state=MEASURED),
            ),
            "cells": (*pipeline.cells, CellRecord(ref=ref, analyzer=STATIC, report=scaffold)),
            "fused": (
                *pipeline.fused,
                FusedRecord(ref=ref, analyzer=STATIC, findings=scaffold.findings),
            ),
        }
    )

    files = await written(pipeline)

    fleet = FleetReport.model_validate_json(files["report.json"])
    (subject,) = fleet.apps
    origins = {count.cwe: (count.origin, count.count) for count in subject.weaknesses}
    assert origins == {798: (Origin.SCAFFOLD, 1), 89: (Origin.MODEL, 1)}
    assert [(tally.total, tally.scaffold) for tally in subject.findings] == [(2, 1)]
    assert "2 security findings, 2 of them high or critical; 1 the scaffold brought." in (
        fleet.verdict
    )
