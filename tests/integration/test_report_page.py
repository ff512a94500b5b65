"""The report in a real browser: for all eyes and hands, on paper, on a phone, and at size."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analyzers.dynamic.tools.browser import CHROMIUM
from contract.weakness import BaselineState, Origin
from reports.html import render_app, render_html
from reports.view_matrix import WIDEST_MATRIX
from tests.support.full_report import full_report, suppressions
from tests.support.large_report import STATIC_TOOLS, large_fleet
from tests.support.whole_report import Whole, files_of, whole
from tests.unit.report_samples import NOW

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".tools" / "dynamic"
PROGRAM = ROOT / "tests" / "support" / "page_program.py"
MORE_TOOLS = 50
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lazy() -> Whole:
    """A fleet whose apps are parsed when somebody opens them."""
    return whole(large_fleet(2, 14), NOW)


@pytest.fixture(scope="module")
def seen(lazy: Whole, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser saw of a small fleet, two large ones, and one of 85 tools."""
    fleets = {"small": (2, 2, 0), "wide": (2, 2, MORE_TOOLS), "large": (10, 20, 0)}
    reports = {n: whole(large_fleet(*fleet), NOW) for n, fleet in fleets.items()}
    folder = tmp_path_factory.mktemp("pages")
    pages = {name: report.page for name, report in {**reports, "lazy": lazy}.items()}
    pages |= {"full": render_html(full_report(), {}), "app": _of_app(reports["small"])}
    job = {"chromium": str(CHROMIUM), "axe": str(INSTALLED / "node_modules/axe-core/axe.min.js")}
    for name, page in pages.items():
        job[name] = str(folder / f"{name}.html")
        Path(job[name]).write_text(page)
    for name, content in files_of(reports["small"]).items():
        (folder / "whole" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "whole" / name).write_bytes(content)
    job["small"] = str(folder / "whole" / "report.html")
    line = (INSTALLED.resolve() / "venv/bin/python", "-I", PROGRAM)
    # The driver's own Node.js needs a library that a bare Debian lacks.
    env = {**os.environ, "PLAYWRIGHT_NODEJS_PATH": str(shutil.which("node"))}
    done = subprocess.run(
        line, input=json.dumps(job), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _of_app(report: Whole) -> str:
    """The page of an app with something in each part that such a page can have."""
    app = report.apps[0]
    first, second, *others = app.weaknesses
    decision = suppressions()[0].suppression
    known = (
        first.model_copy(update={"suppression": decision, "origin": Origin.SCAFFOLD}),
        second.model_copy(update={"baseline": BaselineState.UNKNOWN, "baseline_reason": "cut"}),
        *others,
    )
    gone = tuple(w.model_copy(update={"baseline": BaselineState.FIXED}) for w in others[:3])
    return render_app(app.model_copy(update={"weaknesses": known, "gone": gone}))


LOOKS = ["light", "dark", "phone"]
PAGES = [*(f"full {look}" for look in LOOKS), *(f"app {look}" for look in LOOKS)]


@pytest.mark.parametrize("look", [*LOOKS, "lazy", *PAGES])
def test_nobody_is_shut_out(seen, look):
    assert seen["axe"][look] == []


def test_no_text_of_a_picture_is_cut(seen):
    assert len(seen["pictures"]) > 8
    assert [one for one in seen["pictures"] if one["cut"]] == []


def test_the_page_of_an_app_has_all_its_findings_and_leads_back(seen):
    of_app = seen["app"]
    assert of_app["title"].startswith("vendor-0/model-0.5 · app1 · ")
    assert of_app["all"] > of_app["filtered"] > 0
    assert of_app["all"] > of_app["high"] > 0
    assert of_app["back"] == "report.html#apps"


@pytest.mark.parametrize("page", ["full paper", "app paper"])
@pytest.mark.parametrize("way", ["portrait", "landscape"])
def test_paper_has_every_part_whole(seen, page, way):
    assert (seen[page][way]["beyond"], seen[page][way]["cut"]) == ([], [])


@pytest.mark.parametrize("way", ["portrait", "landscape"])
def test_paper_loses_no_column_of_a_matrix_of_many_tools(seen, way):
    paper = seen["paper"][way]
    assert (paper["beyond"], paper["cut"]) == ([], [])
    assert paper["columns"] == len(STATIC_TOOLS) + MORE_TOOLS + 10 + 3 + 2 > 2 * WIDEST_MATRIX


def test_no_window_scrolls_sideways(seen):
    assert {name: width for name, width in seen["widths"].items() if str(width) not in name} == {}
    assert seen["phone"]["cut"] == []


def test_the_keyboard_reaches_each_area_that_scrolls_and_scrolls_it(seen):
    keyboard = seen["keyboard"]
    assert len(keyboard["wanted"]) >= 2
    assert set(keyboard["wanted"]) <= set(keyboard["reached"])
    assert keyboard["moved"] > 0


def test_heads_stay_where_a_long_matrix_is_scrolled(seen):
    head = seen["size"]["head"]
    assert head["scrolled"] > 2_000
    assert 0 <= head["head"] < 60, "beneath the row of analyzers, at the top of the area"
    assert head["side"] == 0


def test_what_nobody_opened_costs_next_to_nothing(seen):
    """A fleet of 200 apps has twenty times as many elements when all of it is parsed."""
    assert seen["size"]["elements"] < 20_000


def test_an_app_of_a_large_fleet_is_there_when_it_is_asked_for(seen, lazy):
    unread = seen["unread"]
    assert unread["linked"] == min(10, len(lazy.apps[7].weaknesses))
    assert unread["found_none"] == 0
    assert 0 < unread["found"] <= len(lazy.apps) / 2


def test_without_scripts_each_app_is_there(seen, lazy):
    assert seen["unread"]["plain"] == sum(min(10, len(app.weaknesses)) for app in lazy.apps)


def test_nothing_that_an_app_says_runs(seen):
    assert seen["unread"]["hostile"] == {"images": 0, "scripts": 1, "text": True}
