"""Which apps a rate counts, and on which side."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from contract.analysis import Category, Confidence, Coverage, Severity
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from reports.model import Rate
from tests.support.whole_report import Whole, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import (
    APP_FAILED,
    GPT,
    INFRA_FAILED,
    MEASURED,
    NOT_APPLICABLE,
    NOW,
)

HIGH = samples.finding("opengrep", "sql", Severity.HIGH, 89)


def cell(number: int, name: str, state=MEASURED, *findings) -> CellRecord:
    """A cell `static/bandit` of app `number`."""
    kind, _, tool = name.partition("/")
    analyzer = next(one for one in samples.AnalyzerKind if one.value == kind)
    reason = "" if state is MEASURED else "why"
    return samples.cell(GPT, number, analyzer, tool, state, reason, findings=findings)


def report_of(
    *apps: dict[str, object],
    asked: tuple[str, ...] = (),
    looks_for: Mapping[str, tuple[Category, ...]] = MappingProxyType({}),
) -> Whole:
    """A fleet; each app is a state, or findings of a measured cell, by `analyzer/tool`.

    A measured cell of a tool in `looks_for` says so.
    """
    cells: list[CellRecord] = []
    for number, app in enumerate(apps, 1):
        for name, what in app.items():
            found = what if isinstance(what, tuple) else ()
            cells.append(cell(number, name, MEASURED if found else what, *found))
    kinds = dict.fromkeys((*asked, *(name.partition("/")[0] for app in apps for name in app)))
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": list(kinds)},
        apps=tuple(
            AppRecord(ref=AppRef(model=GPT, app_number=n), state=MEASURED)
            for n in range(1, len(apps) + 1)
        ),
        cells=tuple(
            samples.changed(one, looks_for=looks_for.get(one.name))
            if one.state is MEASURED
            else one
            for one in cells
        ),
    )
    return whole(record, generated_at=NOW)


def counts(rate: Rate) -> tuple[int, int, int, int]:
    return rate.passed, rate.failed, rate.missing, rate.not_applicable


def static(bandit: object = MEASURED, opengrep: object = MEASURED) -> dict[str, object]:
    return {"static/bandit": bandit, "static/opengrep": opengrep}


def live(dynamic: object = MEASURED, load: object = MEASURED) -> dict[str, object]:
    return {"dynamic/probe": dynamic, "performance/openloop": load}


def test_three_high_of_twenty_with_one_tool_down_are_not_three_of_three():
    down = [static((HIGH,), INFRA_FAILED)] * 3 + [static(MEASURED, INFRA_FAILED)] * 17

    (_, clean) = report_of(*down).totals.rates

    assert counts(clean) == (17, 3, 0, 0)
    assert clean.left_out == ("static/opengrep",)
    assert clean.rate == 0.85


def test_with_a_tool_that_saw_some_apps_the_others_are_missing_whatever_is_known_of_them():
    seen = [static(), static(MEASURED, (HIGH,))]
    down = [static((HIGH,), INFRA_FAILED)] * 3 + [static(MEASURED, INFRA_FAILED)] * 15

    (_, clean) = report_of(*seen, *down).totals.rates

    assert counts(clean) == (1, 1, 18, 0)
    assert (clean.rate, clean.known_failed, clean.left_out) == (0.5, 3, ())
    assert clean.bounds == (0.05, 0.95)


def test_a_tool_that_looks_for_no_weaknesses_decides_about_none():
    """`html-validate` cannot read server-side templates, and half of a fleet was undecided."""
    unread = {"static/html-validate": INFRA_FAILED}
    apps = [static() | unread, static((HIGH,)) | {"static/html-validate": MEASURED}]
    quality = {"static/html-validate": (Category.QUALITY,)}

    (_, clean) = report_of(*apps, looks_for=quality).totals.rates
    (_, unknown) = report_of(*apps).totals.rates

    assert counts(clean) == (1, 1, 0, 0)
    assert counts(unknown) == (0, 1, 1, 0), "it never said so: then as its analyzer"


def test_a_cell_that_never_said_it_looks_for_what_its_tool_looks_for_elsewhere():
    quality = {"static/pylint": (Category.QUALITY,)}
    apps = [static() | {"static/pylint": MEASURED}, static() | {"static/pylint": INFRA_FAILED}]
    report = report_of(*apps, looks_for=quality)

    cells = {(cell.ref.app_number, cell.tool): cell.looks_for for cell in report.cells}
    assert cells[2, "pylint"] == (Category.QUALITY,), "as it said of another app"
    (tally,) = [one for one in report.totals.findings if one.category is Category.SECURITY]
    assert tally.cells.total == 4, "cells that look for weaknesses"


def test_a_tool_that_measured_nothing_is_named_only_where_it_would_be_required():
    cells = [cell(1, "static/bandit"), cell(1, "static/pylint", INFRA_FAILED)]
    said = samples.changed(cells[1], looks_for=(Category.QUALITY,))

    for mine, left_out in ((cells[1], ("static/pylint",)), (said, ())):
        apps = (AppRecord(ref=mine.ref, state=MEASURED),)
        record = PipelineRecord(
            pipeline_id="p", state="completed", apps=apps, cells=(cells[0], mine)
        )
        (_, clean) = whole(record, generated_at=NOW).totals.rates
        assert (counts(clean), clean.left_out) == ((1, 0, 0, 0), left_out)


def test_a_fleet_without_cells_has_no_rates_and_no_traceback():
    app = AppRecord(ref=AppRef(model=GPT, app_number=1))
    record = PipelineRecord(pipeline_id="p", state="cancelled", apps=(app,))

    report = whole(record, generated_at=NOW)

    assert [counts(rate) for rate in report.totals.rates] == [(0, 0, 0, 1), (0, 0, 0, 1)]


def test_an_app_that_did_not_start_is_missing_too_where_a_tool_is():
    stopped = live(APP_FAILED, APP_FAILED)
    (runs, clean) = report_of(
        static() | live(), static(MEASURED, INFRA_FAILED) | stopped, static() | stopped
    ).totals.rates

    assert counts(runs) == (1, 2, 0, 0)
    assert counts(clean) == (1, 1, 1, 0)
    assert clean.known_failed == 1
    assert clean.rate == pytest.approx(1 / 3, abs=1e-4), "a third ran, and all that ran are clean"


def test_apps_that_did_not_start_do_not_outweigh_those_whose_looks_were_lost():
    """Half of the apps run, all of them clean, but only one of ten was looked at in full."""
    stopped = [static() | live(APP_FAILED, APP_FAILED)] * 10
    ran = [static() | live()] + [static(INFRA_FAILED) | live()] * 9

    (_, clean) = report_of(*stopped, *ran).totals.rates

    assert counts(clean) == (1, 10, 9, 0)
    assert clean.rate == 0.5
    assert clean.interval is not None and clean.interval[1] - clean.interval[0] > 0.7


def test_where_no_app_that_ran_was_looked_at_in_full_nothing_is_known():
    stopped = static() | live(APP_FAILED, APP_FAILED)
    lost = [static(MEASURED, INFRA_FAILED) | live(), static(INFRA_FAILED) | live()]
    report = report_of(stopped, *lost)

    (_, clean) = report.totals.rates

    assert (counts(clean), clean.rate, clean.interval) == ((0, 1, 2, 0), None, None)
    assert "unknown, no app was looked at by every tool that this takes." in report.verdict


def test_a_live_analyzer_that_was_lost_leaves_open_whether_the_app_runs():
    """It may have died under the load test that never came."""
    (runs, _) = report_of(
        live(), live(MEASURED, INFRA_FAILED), live(MEASURED, APP_FAILED)
    ).totals.rates

    assert counts(runs) == (1, 1, 1, 0)


def test_one_tool_of_an_analyzer_that_looked_is_enough_to_know_that_the_app_runs():
    lame = {"dynamic/probe": MEASURED, "dynamic/wapiti": INFRA_FAILED}
    sound = {"dynamic/probe": MEASURED, "dynamic/wapiti": MEASURED}

    (runs, clean) = report_of(sound, lame).totals.rates

    assert (counts(runs), counts(clean)) == ((2, 0, 0, 0), (1, 0, 1, 0))


def test_without_a_live_look_anywhere_nobody_is_said_to_run_or_to_fail():
    stopped = static() | live(APP_FAILED, APP_FAILED)
    (runs, clean) = report_of(
        stopped, *[static() | live(INFRA_FAILED, INFRA_FAILED)] * 3
    ).totals.rates

    assert (counts(runs), runs.rate, runs.known_failed) == ((0, 0, 4, 0), None, 1)
    assert runs.left_out == ("dynamic/probe", "performance/openloop")
    assert (clean.label, counts(clean)) == ("No high finding in the source", (4, 0, 0, 0))


@pytest.mark.parametrize(
    ("app", "label"),
    [
        (static(), "No high finding in the source"),
        (static() | live(), "Runs, no high finding"),
        (static() | {"performance/openloop": MEASURED}, "Runs, no high finding in the source"),
        (live(), "Runs, no high finding"),
    ],
)
def test_the_label_says_what_was_required(app: dict[str, object], label: str):
    report = report_of(app, app)

    assert report.totals.rates[1].label == report.models[0].totals.rates[1].label == label
    assert f"{label}: 100 % (2 of 2)." in report.verdict


def test_an_app_without_live_analysis_is_not_said_to_run():
    runs = report_of(static()).totals.rates[0]

    assert (counts(runs), runs.rate, runs.bounds) == ((0, 0, 0, 1), None, None)


@pytest.mark.parametrize(
    ("confidence", "witnesses", "failed"),
    [
        (Confidence.LOW, (), 0),
        (Confidence.LOW, ("bandit:B1", "bandit:B2"), 0),
        (Confidence.LOW, ("bandit:B1", "opengrep:x"), 1),
        (Confidence.MEDIUM, ("bandit:B1",), 1),
    ],
)
def test_a_hit_of_low_confidence_alone_decides_nothing(confidence, witnesses, failed: int):
    hit = HIGH.model_copy(update={"confidence": confidence, "witnesses": witnesses})

    (_, clean) = report_of(static((hit,)), static()).totals.rates

    assert counts(clean) == (2 - failed, failed, 0, 0)


def test_a_tool_of_another_kind_that_found_a_weakness_is_required_of_all():
    """Else an app would fail where it spoke and pass where it was lost."""
    (_, clean) = report_of(
        static() | {"ai/review": (HIGH,)}, static() | {"ai/review": INFRA_FAILED}
    ).totals.rates

    assert counts(clean) == (0, 1, 1, 0)


def test_what_does_not_apply_is_no_hole():
    (_, clean) = report_of(
        static(MEASURED, NOT_APPLICABLE), static(), static(NOT_APPLICABLE, NOT_APPLICABLE)
    ).totals.rates

    assert counts(clean) == (2, 0, 0, 1)


def test_an_app_whose_files_a_tool_could_not_read_is_missing_there():
    unread = Coverage(unit="files", reached=0, given=2, skipped_total=2)
    cells = tuple(
        samples.cell(GPT, number, samples.AnalyzerKind.STATIC, "bandit", state, why, coverage=seen)
        for number, state, why, seen in (
            (1, MEASURED, "", Coverage(unit="files", reached=2, given=2)),
            (2, NOT_APPLICABLE, "no Python file that can be parsed", unread),
            (3, NOT_APPLICABLE, "no Python files", None),
        )
    )
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static"]},
        apps=tuple(
            AppRecord(ref=AppRef(model=GPT, app_number=n), state=MEASURED) for n in (1, 2, 3)
        ),
        cells=cells,
    )

    (clean,) = (
        rate
        for rate in whole(record, generated_at=NOW).totals.rates
        if rate.name == "no_high_finding"
    )

    assert counts(clean) == (1, 0, 1, 1)


def test_an_analyzer_that_never_told_its_tools_is_left_out_as_a_whole():
    (_, clean) = report_of(static(), static(), asked=("dynamic",)).totals.rates

    assert (clean.left_out, counts(clean)) == (("dynamic/*",), (2, 0, 0, 0))


def test_the_requirement_is_the_fleets_and_not_a_models_own():
    """A tool that was down for one model all the time is missing there, not left out."""
    record = samples.fleet()
    (_, theirs) = whole(record, generated_at=NOW).models[1].totals.rates

    assert (counts(theirs), theirs.left_out) == ((0, 0, 2, 0), ())


def test_while_a_pipeline_runs_what_is_still_to_come_is_not_left_out():
    def clean(state: str) -> Rate:
        record = PipelineRecord(
            pipeline_id="p",
            state=state,
            spec={"analyzers": ["static", "dynamic"]},
            apps=(AppRecord(ref=AppRef(model=GPT, app_number=1)),),
            cells=(cell(1, "static/bandit"), cell(1, "static/opengrep", INFRA_FAILED)),
        )
        return whole(record, generated_at=NOW).totals.rates[1]

    assert (counts(clean("running")), clean("running").left_out) == (
        (0, 0, 1, 0),
        ("static/opengrep",),
    )
    assert clean("cancelled").left_out == ("static/opengrep", "dynamic/*")
