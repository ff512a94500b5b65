"""The report in a real browser: for all eyes and hands, on paper, on a phone, and at size."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analyzers.dynamic.tools.browser import CHROMIUM
from reports.view import WIDEST_MATRIX
from tests.support.large_report import STATIC_TOOLS, large_fleet
from tests.support.whole_report import Whole, whole
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
    job = {"chromium": str(CHROMIUM), "axe": str(INSTALLED / "node_modules/axe-core/axe.min.js")}
    for name, report in {**reports, "lazy": lazy}.items():
        job[name] = str(folder / f"{name}.html")
        Path(job[name]).write_text(report.page)
    line = (INSTALLED.resolve() / "venv/bin/python", "-I", PROGRAM)
    # The driver's own Node.js needs a library that a bare Debian lacks.
    env = {**os.environ, "PLAYWRIGHT_NODEJS_PATH": str(shutil.which("node"))}
    done = subprocess.run(
        line, input=json.dumps(job), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("look", ["light", "dark", "phone", "lazy"])
def test_nobody_is_shut_out(seen, look):
    assert seen["axe"][look] == []


@pytest.mark.parametrize("way", ["portrait", "landscape"])
def test_paper_loses_no_column_of_a_matrix_of_many_tools(seen, way):
    paper = seen["paper"][way]
    assert (paper["beyond"], paper["cut"]) == ([], [])
    assert paper["columns"] == len(STATIC_TOOLS) + MORE_TOOLS + 10 + 3 + 2 > 2 * WIDEST_MATRIX


def test_no_window_scrolls_sideways(seen):
    assert seen["widths"] == {"390": 390, "705": 705, "768": 768, "1024": 1024}
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
    assert unread["linked"] == len(lazy.apps[7].weaknesses)
    assert 0 < unread["filtered"] < unread["linked"]
    assert unread["found_none"] == 0
    assert 0 < unread["found"] <= len(lazy.apps) / 2


def test_without_scripts_every_finding_is_there(seen, lazy):
    assert seen["unread"]["plain"] == sum(len(app.weaknesses) for app in lazy.apps)


def test_nothing_that_an_app_says_runs(seen):
    assert seen["unread"]["hostile"] == {"images": 0, "scripts": 1, "text": True}
