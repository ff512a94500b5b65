"""Each part of a fleet's page: what is known, and what is not known, in words."""

import re

import pytest

from contract.analysis import MeasurementState
from reports.glance import Glances
from reports.html import render_html
from reports.pictures.of_fleet import columns_of, pictures_of, state_at
from reports.view import FleetView
from tests.support.full_report import EVIL, VOID, full_report
from tests.support.large_report import large_fleet
from tests.support.whole_report import whole
from tests.unit.report_samples import HOSTILE, NOW
from tests.unit.test_reports_html import Page

MEASURED, APP_FAILED, INFRA_FAILED, _ = MeasurementState


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(full_report(), {}))


@pytest.fixture(scope="module")
def words(page: Page) -> str:
    return page.words()


def part(words: str, begin: str, end: str) -> str:
    start = words.rindex(begin)
    return words[start : words.index(end, start)]


def test_no_name_becomes_markup(page, words):
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not any(tag == "img" for tag, _ in page.elements)
    assert f"Shares have Wilson intervals {HOSTILE}." in words


def test_names_in_the_page_are_unique(page):
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_models_that_are_not_told_apart_are_tied_and_no_order_says_why(words):
    orders = part(words, "Tied sets, best first", "Intervals of")
    assert "vendor-0/model-0.5, vendor-1/model-1.5 › vendor-1/model-1.5, evil/" in orders
    assert "Secure — no order missing data" in orders
    assert f"{EVIL}: not measured" in orders


def test_a_pair_says_what_is_shown_and_what_is_not(words):
    pairs = part(words, "p, Holm What is shown", "Grave findings, for equal kLOC")
    assert "20 2 left out -1.2 -2 to -0.4 -0.41 -0.70 to -0.10 < 0.001 0.001" in pairs
    assert "vendor-0/model-0.5 is better Wilcoxon signed-rank, zeros split" in pairs
    assert "equal: within the noise of one app" in pairs
    assert "unknown what is missing could turn it no app" in pairs


def test_a_figure_without_a_value_is_unknown_with_its_reason(words):
    assert "unknown: no app was looked at in full" in words
    assert "65 % 43 % to 82 %; n = 20, 3 missing (1 known to fail): 50 % to 80 %" in words
    assert "≥ 5 min 12 s" in words


def test_a_model_without_an_app_of_a_template_is_no_zero(words):
    assert "no app" in part(words, "Secure, by model and template", "What was measured Each")


def test_a_regression_that_is_not_given_says_why(words):
    assert "Not given: it did not converge." in words
    assert "2.40 1.10 to 5.20 0.020 0.040" in words


def test_a_void_column_is_said_at_the_top_and_at_its_head():
    report = full_report()
    glances = Glances()
    for app in whole(large_fleet(2, 2), NOW).apps:
        glances.add(app)
    page = Page(render_html(report, glances.result()))
    words = page.words()

    assert words.index(f"static/linter-b is void: {VOID}") < words.index("By model Rates")
    assert any(a.get("title") == f"void: {VOID}" for tag, a in page.elements if tag == "th")
    assert "static / linter-b void 0 %" in words


def test_a_tool_that_saw_no_control_is_unknown_not_bad(words):
    scores = part(words, "Recall on known weaknesses", "Flaws that apps share The same")
    assert "dynamic / scanner-a unknown 4 on apps that it did not look at" in scores
    assert "unknown: it looked at no clean app" in scores
    assert "all analyzers together 88 % 7 of 8; 95 %: 53 % to 98 %" in scores
    assert "linter-a 88 % 7 of 8; 95 %: 53 % to 98 % — 1 on 2 apps, sure of 0" in scores


def test_the_baseline_has_what_nobody_knows_beside_new_and_fixed(words):
    against = part(words, "Compared with pipeline", "Flaws that apps share The same")
    assert "all models 1 2 3 4" in against
    assert "4 × static/bandit was 1.7 in one and 1.8 in the other" in against


def test_a_baseline_with_a_problem_has_no_counts():
    report = full_report()
    broken = report.model_copy(
        update={"baseline": report.baseline.model_copy(update={"problem": "it is gone"})}
    )
    words = Page(render_html(broken, {})).words()
    assert "Nothing is compared with earlier : it is gone" in words
    assert "all models 1" not in words


def test_a_flaw_that_apps_share_names_them(words):
    assert "20 of 186 security findings are in 1 families" in words
    assert "2 of 20 are the scaffold's" in words


def test_decisions_are_shown_with_who_and_why_and_those_that_are_over(words):
    decisions = part(words, "Who, and why", "Under load")
    assert f"used v2-0 A. Person a test {HOSTILE} no end 3 2" in decisions
    assert "expired B608 in ** B. Person x 2026-01-02 1 1" in decisions


def test_what_the_scaffold_brought_is_told_apart(words):
    assert (
        "beside 12 security findings that count, 3 that the scaffold brought, 1 suppressed" in words
    )
    assert "of 2 nobody knows whether the scaffold brought them" in words


def test_agreement_stands_with_what_judges_say(words):
    judges = part(words, "What judges say, and how far they agree", "By app")
    assert "quality 0.71 40 3" in judges
    assert "requirements unknown one judge answered" in judges


def test_every_picture_of_a_report_has_a_name_of_its_own_and_is_on_the_page():
    report = full_report()
    pictures = list(pictures_of(report))
    names = [picture.name for picture in pictures]
    html = render_html(report, {})

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in names)
    assert {"states", "run", "severities", "models-secure", "ranks-grave-findings"} <= set(names)
    assert "ratios-grave-findings" in names
    assert all(picture.svg in html for picture in pictures)


def test_a_part_that_has_nothing_to_say_is_not_in_the_page():
    fleet = whole(large_fleet(1, 1), NOW).fleet
    parts = FleetView(fleet, {}, ()).parts
    assert {"baseline", "suppressed", "families"}.isdisjoint(parts)
    assert {"models", "matrix", "missing", "apps", "tools"} <= parts.keys()


def test_a_cell_for_all_tools_stands_for_each_of_them():
    matrix = {
        "m/app1": {"static/bandit": MEASURED, "dynamic/zap": MEASURED},
        "m/app2": {"static/bandit": MEASURED, "dynamic/*": APP_FAILED, "ai/*": INFRA_FAILED},
    }
    columns = columns_of(matrix)

    assert columns == [("static", "bandit"), ("dynamic", "zap"), ("ai", "*")]
    assert state_at(matrix["m/app2"], ("dynamic", "zap")) is APP_FAILED
    assert state_at(matrix["m/app2"], ("ai", "*")) is INFRA_FAILED


def test_the_picture_of_a_large_fleet_has_a_row_per_model():
    fleet = whole(large_fleet(1, 2), NOW).fleet
    app = fleet.apps[0]
    many = tuple(
        app.model_copy(update={"ref": app.ref.model_copy(update={"app_number": n})})
        for n in range(1, 402)
    )
    matrix = {one.ref.label: {"static/bandit": MEASURED} for one in many}
    states = next(iter(pictures_of(fleet.model_copy(update={"apps": many, "matrix": matrix}))))

    assert states.title == "What was measured, by model and tool"
    assert states.description == (
        "1 rows and 1 tools; cells: 401 measured, 0 app failed, 0 not measured, 0 not applicable."
    )
