"""What a report says, and what it must never say."""

import json

import pytest

from contract.analysis import Category, MeasurementState, Metric, Severity
from contract.record import AppRecord, FusedRecord, PipelineRecord
from reports.counts import StateCounts
from reports.export import render_json
from reports.model import AppReport, FleetReport
from tests.support.whole_report import Whole, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import (
    APP_FAILED,
    GPT,
    HAIKU,
    INFRA_FAILED,
    MEASURED,
    NOT_APPLICABLE,
    NOW,
    PERFORMANCE,
    STATIC,
)


@pytest.fixture(scope="module")
def report() -> Whole:
    return whole(samples.fleet("cancelled"), generated_at=NOW)


def one_app(*cells, analyzers=("static",), state=MEASURED, pipeline="completed", fused=()) -> Whole:
    """Report of one app with these cells."""
    record = PipelineRecord(
        pipeline_id="p",
        state=pipeline,
        spec={"analyzers": list(analyzers)},
        apps=(AppRecord(ref=samples.GPT_1, state=state),),
        cells=cells,
        fused=fused,
    )
    return whole(record, generated_at=NOW)


def security(tallies):
    return next(found for found in tallies if found.category is Category.SECURITY)


def test_every_app_has_a_state_for_every_tool_or_for_the_whole_analyzer(report):
    for states in report.matrix.values():
        assert {name.partition("/")[0] for name in states} == {
            "static",
            "dynamic",
            "performance",
            "ai",
        }
    assert len(report.apps) == 4
    assert report.totals.cells == StateCounts(
        measured=18, app_failed=2, infra_failed=6, not_applicable=4
    )


def test_an_app_that_never_ran_says_so_in_each_cell(report):
    cells = [cell for cell in report.cells if cell.ref == samples.GPT_2]

    assert [(cell.tool, cell.state) for cell in cells] == [("*", INFRA_FAILED)] * 4
    assert {cell.report.reason for cell in cells} == {"not run: pipeline cancelled"}
    assert not any(cell.recorded for cell in cells)
    app = report.apps[-1]
    assert (app.state, app.reason) == (INFRA_FAILED, "not run: pipeline cancelled")


def test_while_the_pipeline_runs_an_app_has_no_state_yet():
    report = whole(samples.fleet("running"), generated_at=NOW)

    assert report.apps[-1].state is None
    assert report.totals.unfinished == 1
    assert "1 not finished yet" in report.verdict


def test_a_dead_tool_is_never_a_zero():
    dead = samples.cell(GPT, 1, STATIC, "bandit", INFRA_FAILED, "bandit is missing")
    report = one_app(dead, state=INFRA_FAILED)

    tally = security(report.totals.findings)
    assert (tally.total, tally.by_severity, tally.by_cwe) == (None, None, None)
    assert report.cells[0].finding_count is None
    assert "Nothing is known about their security." in report.verdict
    assert json.loads(render_json(report.apps[0]))["cells"][0]["finding_count"] is None


@pytest.mark.parametrize(
    ("tools", "lack_source", "told"),
    [
        (["bandit"], False, ""),
        (["npm-audit"], True, "npm-audit could not ask its source"),
        (["npm-audit", "pip-audit"], True, "npm-audit and pip-audit could not ask their source"),
    ],
)
def test_tools_without_their_source_are_named_at_the_top(tools, lack_source, told):
    cells = [
        samples.cell(GPT, 1, STATIC, tool, INFRA_FAILED, "405", lacks_source=lack_source)
        for tool in tools
    ]
    report = one_app(*cells, samples.cell(GPT, 1, STATIC, "ruff"))

    assert told in report.verdict
    assert ("could not ask" in report.verdict) == bool(told)
    assert ("measured in full" in report.verdict.partition(".")[0]) == (not told)


def test_a_load_test_proves_nothing_about_security():
    record = samples.fleet()
    load = [c for c in record.cells if c.analyzer is samples.PERFORMANCE and c.ref.model == HAIKU][
        :1
    ]
    report = whole(
        record.model_copy(update={"cells": tuple(load), "apps": record.apps[:1], "spec": {}}), NOW
    )

    assert report.totals.findings == ()
    assert report.cells[0].finding_count is None


def test_zero_findings_of_a_tool_that_ran_are_a_real_zero():
    report = one_app(samples.cell(GPT, 1, STATIC, "bandit"))

    tally = security(report.apps[0].findings)
    assert (tally.total, tally.cells) == (0, StateCounts(measured=1))
    assert tally.by_severity == dict.fromkeys(Severity, 0)
    assert report.cells[0].finding_count == 0


def test_fused_findings_count_once_and_say_so(report):
    app = report.apps[0]
    tally = security(app.findings)

    assert [weakness.finding.rule_id for weakness in app.weaknesses[:2]] == [
        "python.flask.sql-injection",
        "no-unsanitized/property",
    ]
    assert (tally.total, tally.counted) == (3, "mixed")
    assert tally.by_cwe == {"CWE-693": 1, "CWE-79": 1, "CWE-89": 1}
    quality = next(found for found in app.findings if found.category is Category.QUALITY)
    assert quality.total == 2


def test_a_missing_tool_column_is_filled_with_a_reason():
    record = samples.fleet()
    fewer = [c for c in record.cells if not (c.ref.model == GPT and c.tool == "eslint")]
    report = whole(record.model_copy(update={"cells": tuple(fewer)}), NOW)

    (hole,) = [c for c in report.cells if (c.ref, c.tool) == (samples.GPT_1, "eslint")]
    assert hole.state is INFRA_FAILED
    assert hole.report.reason


def test_live_cells_of_an_app_that_failed_are_its_own_failure():
    report = one_app(
        samples.cell(GPT, 1, STATIC, "bandit"), analyzers=("static", "dynamic"), state=APP_FAILED
    )

    assert {cell.analyzer.value: cell.state for cell in report.cells} == {
        "static": MEASURED,
        "dynamic": APP_FAILED,
    }


def test_what_is_missing_is_grouped_by_its_reason(report):
    first = report.missing[0]
    assert (first.state, len(first.cells)) == (APP_FAILED, 2)
    assert {"not run: pipeline cancelled", "killed at its limit of 300 s"} <= {
        group.reason for group in report.missing
    }
    assert sum(len(group.cells) for group in report.missing) == 12


def test_load_figures_keep_their_targets_and_units(report):
    load = report.apps[0].load

    assert [row.target for row in load] == ["GET /notes", "POST /notes", ""]
    assert load[0].figures["latency_p95"] == 11.87
    assert load[0].units["throughput_at_objective"] == "1/s"
    assert "throughput_at_objective" not in load[1].figures


def test_an_app_measured_under_contention_is_named_with_its_tool_and_beside_its_figures():
    metrics = (
        Metric(name="latency_p50", value=3, unit="ms", target="GET /"),
        Metric(name="contended", value=1, unit="count", target="GET /"),
    )
    calm = (metrics[0], metrics[1].model_copy(update={"value": 0}))
    report = one_app(
        samples.cell(GPT, 1, PERFORMANCE, "openloop", metrics=metrics),
        samples.cell(GPT, 1, PERFORMANCE, "loadtest", metrics=calm),
        analyzers=("performance",),
    )

    assert {use.tool: use.contended for use in report.tools} == {
        "openloop": (f"{GPT}/app1",),
        "loadtest": (),
    }
    assert "<b>1 under contention</b>" in report.page
    assert 'class="num">contended</th>' in report.app_page()


def test_requirements_have_a_rate_with_what_nobody_could_tell(report):
    app = report.apps[0]
    (rate,) = app.rates

    assert [item.verdict for item in app.requirements] == ["met", "not_met", "cannot_tell"]
    assert app.requirements[1].reason == "see app.py:1"
    assert (rate.passed, rate.failed, rate.missing) == (1, 1, 1)
    assert rate.bounds == (0.3333, 0.6667)


@pytest.mark.parametrize("data", [{"requirements": 7}, {"requirements": [1, {"verdict": "x"}]}, {}])
def test_data_that_is_no_verdict_is_left_out(data):
    judged = samples.cell(GPT, 1, samples.AI, "requirements", data=data)

    app = one_app(judged, analyzers=("ai",)).apps[0]

    assert (app.requirements, app.rates) == ((), ())


def test_the_workflows_account_of_its_effort_is_used(report):
    assert (report.effort.wasted_ratio, report.effort.restarts) == (1.0816, 1)
    assert report.effort.retries_by_cause == {"UNAVAILABLE": 1, "WORKER_LOST": 1}


def test_without_an_account_the_cells_add_up():
    wasteful = samples.cell(GPT, 1, STATIC, "bandit").model_copy(update={"wasted_seconds": 1.7})

    assert one_app(wasteful).effort.wasted_ratio == 1.5
    assert one_app(state=INFRA_FAILED).effort.wasted_ratio is None


def test_tools_are_named_with_version_and_command(report):
    bandit = next(use for use in report.tools if use.tool == "bandit")

    assert (bandit.version, bandit.cells.measured, bandit.cached) == ("1.9.4", 3, 0)
    assert bandit.argv == (("venv/bin/bandit", "--format", "sarif", "."),)
    assert bandit.duration_s == pytest.approx(10.2)


def test_cached_time_is_not_spent_twice():
    cell = samples.cell(GPT, 1, STATIC, "bandit")
    provenance = cell.report.provenance.model_copy(update={"cached_from": NOW})

    (use,) = one_app(samples.changed(cell, provenance=provenance)).tools

    assert (use.cached, use.duration_s) == (1, 0)


def test_the_verdict_counts_what_it_says(report):
    assert report.verdict == (
        "The pipeline was cancelled. 4 apps: 1 measured in full, 1 failed by itself and 2 not "
        "measured in full because of the platform. 18 of 26 measurements stand. "
        "7 security findings, 5 of them high or critical. "
        "Runs, no high finding: 0 % (0 of 2, 2 undecided)."
    )


def test_the_json_documents_read_back_as_themselves(report):
    assert FleetReport.model_validate_json(render_json(report.fleet)) == report.fleet
    for app in report.apps:
        assert AppReport.model_validate_json(render_json(app)) == app


def test_the_json_report_has_the_fields_others_rely_on(report):
    document = json.loads(render_json(report.fleet))
    app = json.loads(render_json(report.apps[0]))
    cell = app["cells"][0]

    assert document["pipeline"]["id"] == "demo-2026-03-04"
    assert document["apps"][0]["name"] == "anthropic%2Fclaude-haiku-app1"
    assert app["ref"] == cell["record"]["ref"] == {"model": HAIKU, "app_number": 1}
    assert {"ref", "state", "reason", "weaknesses", "facts"} <= app.keys()
    assert app["facts"]["images"] == [
        {"service": "web", "name": "sha256:0123", "size_bytes": 50_331_648}
    ]
    assert {"ref", "analyzer", "report", "attempts"} <= cell["record"].keys()
    told = {"tool", "version", "state", "reason", "coverage", "findings", "metrics"}
    assert told <= cell["record"]["report"].keys()
    states = {state for app in document["matrix"].values() for state in app.values()}
    assert states == {state.value for state in MeasurementState}


def test_csv_has_one_line_per_cell_and_no_zero_for_what_is_unknown(report):
    lines = report.csv.splitlines()

    assert len(lines) == 1 + len(report.cells)
    dead = next(line for line in lines if "killed at its limit" in line)
    assert "infra_failed,killed at its limit of 300 s,,,,,0.0,no,,0.0,0.0,0.0,,infra" in dead


def test_csv_cells_are_no_formulas():
    evil = samples.cell(GPT, 1, STATIC, "bandit", NOT_APPLICABLE, '=HYPERLINK("http://x")')

    assert ",\"'=HYPERLINK(" in one_app(evil, state=NOT_APPLICABLE).csv


def test_an_empty_pipeline_has_a_report():
    record = PipelineRecord(pipeline_id="p", state="failed", spec={"analyzers": ["static"]})

    report = whole(record, generated_at=NOW)

    assert report.verdict == "The pipeline failed. No apps."
    assert report.csv.count("\n") == 1


def test_no_count_comes_from_a_list_that_was_cut():
    rows = [
        {"category": "quality", "severity": "info", "count": 7_000},
        {"category": "security", "severity": "low", "cwe": 89, "count": 40},
    ]
    metrics = (Metric(name="findings_total", value=7_042, unit="count"),)
    listed = (samples.LINT, samples.BANDIT_SQL)
    cut = samples.cell(
        GPT, 1, STATIC, "ruff", findings=listed, metrics=metrics, data={"findings_left_out": rows}
    )
    fused = FusedRecord(ref=samples.GPT_1, analyzer=STATIC, findings=(samples.SQL,))
    of_tools = one_app(cut)
    of_fusion = one_app(cut, fused=(fused,))

    assert of_tools.cells[0].finding_count == 7_042
    (lint,) = [one for one in of_tools.totals.findings if one.category is Category.QUALITY]
    assert (lint.total, lint.by_severity[Severity.INFO]) == (7_001, 7_001)
    tally = security(of_tools.totals.findings)
    assert (tally.total, tally.by_cwe) == (41, {"CWE-89": 41})
    # Fusion saw them all: what its tools do not list is in its findings.
    assert security(of_fusion.totals.findings).total == 1
    more = samples.changed(cut, data={"fused_left_out": rows[1:]})
    assert security(one_app(more, fused=(fused,)).totals.findings).total == 41


def test_advice_is_no_weakness_where_fusion_found_none():
    advice = samples.finding("bandit", "B404", Severity.LOW, 78)
    cell = samples.cell(GPT, 1, STATIC, "bandit", findings=(advice, samples.LINT))
    nothing = FusedRecord(ref=samples.GPT_1, analyzer=STATIC)

    tally = security(one_app(cell, fused=(nothing,)).totals.findings)

    assert (tally.total, tally.counted) == (0, "fused")
    assert security(one_app(cell).totals.findings).total == 1
