"""The page: self-contained, inert, complete."""

import base64
import hashlib
import posixpath
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from contract.analysis import ArtifactRef, Severity
from reports import view_app
from reports.names import log_name
from reports.view_matrix import in_blocks
from tests.support.large_report import large_fleet
from tests.support.whole_report import files_of, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import DYNAMIC, GPT, HOSTILE, NOW, STATIC


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, str] = {}
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open in ("script", "style"):
            self.raw[self._open] = self.raw.get(self._open, "") + data
        self.text.append(data)

    def handle_endtag(self, tag):
        self._open = ""

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(whole(samples.fleet("cancelled"), generated_at=NOW).page)


@pytest.fixture(scope="module")
def app_page() -> Page:
    """The page of an app that failed."""
    return Page(whole(samples.fleet("cancelled"), generated_at=NOW).app_page(samples.HAIKU_1))


@pytest.fixture(params=["fleet", "app"])
def any_page(request, page, app_page) -> Page:
    return page if request.param == "fleet" else app_page


def test_nothing_is_loaded_from_anywhere(any_page):
    loading = {"src", "srcset", "data", "poster", "action", "background"}
    for tag, attributes in any_page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "image", "use")
        assert not loading & attributes.keys()
        assert (attributes.get("href") or "#").startswith(("#", "report.json", "../report.html"))
    assert "url(" not in any_page.raw["style"] and "@import" not in any_page.raw["style"]


def test_an_app_says_what_was_not_honoured_and_which_images_ran(app_page):
    assert "compose: web.privileged was dropped" in app_page.words()
    assert "web ran sha256:0123 , 48 MiB" in app_page.words()


def test_only_the_pages_own_style_and_script_may_run(any_page):
    page = any_page
    policy = next(
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not any("style" in attributes for _, attributes in page.elements)
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_strings_of_hostile_apps_stay_text():
    hostile = samples.finding("bandit", "B1", Severity.HIGH, message=HOSTILE)
    cell = samples.cell(GPT, 1, STATIC, "bandit", findings=(hostile,))
    record = samples.fleet().model_copy(update={"cells": (cell,), "fused": ()})
    report = whole(record, generated_at=NOW)

    for page in (Page(report.page), Page(report.app_page(samples.GPT_1))):
        assert HOSTILE in page.words()
        assert sum(tag == "script" for tag, _ in page.elements) == 1
        assert not any(tag == "img" for tag, _ in page.elements)


def test_every_reason_is_in_the_text_not_only_on_hover(page):
    words = page.words()
    for reason in (
        "exited with 1 after 2.1 s: ModuleNotFoundError: No module named 'flask_cors'",
        "killed at its limit of 300 s",
        "not run: pipeline cancelled",
        "no Dockerfile",
    ):
        assert reason in words


def test_the_matrix_has_a_field_for_every_cell_with_its_reason_on_hover(page):
    fields = [attrs for tag, attrs in page.elements if tag == "td" and "title" in attrs]
    states = [re.split(r"\s", attrs["class"])[0] for attrs in fields]

    assert len(fields) == 30
    assert (states.count("measured"), states.count("infra_failed")) == (18, 6)
    assert "opengrep: not measured · killed at its limit of 300 s" in {
        attrs["title"] for attrs in fields
    }


def test_anchors_lead_somewhere(page):
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [
        attrs["href"][1:] for tag, attrs in page.elements if tag == "a" and attrs["href"][0] == "#"
    ]
    assert sum(link.startswith("app-") for link in links) == 4
    assert set(links) <= ids


def test_many_findings_are_cut_and_the_rest_is_named():
    many = tuple(samples.finding("bandit", f"B{n}", Severity.LOW) for n in range(500))
    record = samples.fleet().model_copy(
        update={"cells": (samples.cell(GPT, 1, STATIC, "bandit", findings=many),), "fused": ()}
    )

    report = whole(record, generated_at=NOW)
    page, app_page = Page(report.page), Page(report.app_page(samples.GPT_1))

    assert len(findings_in(page)) == 10
    assert "490 more findings, less grave or equal, are not shown here." in page.words()
    assert len(findings_in(app_page)) == 500


def findings_in(page: Page) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in page.elements if tag == "tr" and "data-severity" in attrs]


def test_an_app_with_very_many_findings_has_a_page_that_opens():
    many = tuple(samples.finding("bandit", f"B{n}", Severity.LOW) for n in range(2_300))
    record = samples.fleet().model_copy(
        update={"cells": (samples.cell(GPT, 1, STATIC, "bandit", findings=many),), "fused": ()}
    )

    files = files_of(whole(record, generated_at=NOW))
    page = Page(files["apps/openai%2Fgpt-4.1-app1.html"].decode())

    assert len(findings_in(page)) == 2_000
    assert "300 more, less grave or equal, are in apps/openai%2Fgpt-4.1-app1.json" in page.words()


def test_a_pipeline_without_anything_recorded_has_a_page():
    record = samples.fleet("failed").model_copy(update={"cells": (), "fused": (), "detail": {}})

    words = Page(whole(record, generated_at=NOW).page).words()

    assert "The pipeline failed." in words
    assert "unknown: none of" in words


def test_findings_with_very_long_texts_do_not_make_a_page_that_does_not_open(monkeypatch):
    monkeypatch.setattr(view_app, "MOST_LETTERS", 20_500)
    long = samples.finding("bandit", "B1", Severity.LOW, message="x" * 2_000)
    record = samples.fleet().model_copy(
        update={"cells": (samples.cell(GPT, 1, STATIC, "bandit", findings=(long,) * 40),)}
    )

    page = Page(whole(record, generated_at=NOW).app_page(samples.GPT_1))

    assert len(findings_in(page)) == 10
    assert re.search(r"\d+ more, less grave or equal", page.words())


def links_of(page: Page) -> set[str | None]:
    """Where the page leads to outside of itself."""
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    return {link for link in links if link and link[0] != "#"}


def test_the_page_links_to_every_file_beside_it_and_to_no_other():
    report = whole(samples.fleet(), generated_at=NOW)
    log = log_name(samples.HAIKU_1, 0, report.apps[0].facts.logs[0])
    beside = {log, "a/../../b.txt", "report.html~"}

    files = files_of(report, tuple(beside))
    pages = {name for name in files if name.endswith(".html")}
    linked = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(link or "")))
        for name in pages
        for link in links_of(Page(files[name].decode()))
    }

    assert log == "anthropic%2Fclaude-haiku-app1.1.build.log.txt"
    assert {link.partition("#")[0] for link in linked} == {*files, log}


def test_a_log_that_is_not_beside_the_page_is_a_name(app_page):
    assert links_of(app_page) == {"../report.html#apps"}
    assert "build.log 17.89 KiB" in app_page.words()


@pytest.mark.parametrize("name", ["../../x.log", "a b.log", "<b>.log", "", "é" * 90 + ".log"])
def test_a_log_can_have_any_name(name):
    file = log_name(
        samples.GPT_1, 3, ArtifactRef(key="k", sha256="ab" * 32, size_bytes=1, name=name)
    )

    assert re.fullmatch(r"openai%2Fgpt-4\.1-app1\.4\.[A-Za-z0-9._~%-]{1,60}\.txt", file)


def test_models_stand_before_apps_and_the_matrix_is_grouped_by_model(page):
    words = page.words()
    assert (
        words.index("By model", 300)
        < words.index("What was measured One row")
        < words.rindex("By app")
    )
    groups = [attrs for tag, attrs in page.elements if attrs.get("scope") == "rowgroup"]
    assert len(groups) == 2


def test_a_matrix_of_many_tools_is_parted_between_analyzers_and_keeps_every_column():
    columns = {STATIC: [f"s{n}" for n in range(39)], DYNAMIC: [f"d{n}" for n in range(95)]}

    blocks = in_blocks(columns)

    widths = [sum(map(len, block.values())) for block in blocks]
    assert widths == [39, 40, 40, 15]
    for kind, tools in columns.items():
        assert [tool for block in blocks for tool in block.get(kind, ())] == tools


def test_apps_of_a_large_fleet_wait_to_be_parsed_and_are_whole_without_scripts():
    report = whole(large_fleet(2, 14), generated_at=NOW)
    html = report.page

    inside = re.findall(r"<noscript>(.*?)</noscript>", html, re.DOTALL)

    assert len(inside) == 28
    assert all("<noscript" not in text and "<script" not in text for text in inside)
    rows = sum(len(re.findall("<tr data-severity", text)) for text in inside)
    assert rows == sum(min(10, len(app.weaknesses)) for app in report.apps)


def test_what_an_app_says_never_ends_the_text_that_waits():
    hostile = samples.finding(
        "bandit", "B1", Severity.CRITICAL, message="</noscript></details><h1>x"
    )
    record = large_fleet(5, 5)
    cells = (samples.changed(record.cells[0], findings=(hostile,)), *record.cells[1:])
    report = whole(record.model_copy(update={"cells": cells}), generated_at=NOW)

    page = Page(report.page)

    assert sum(tag == "h1" for tag, _ in page.elements) == 1
    assert hostile.message in page.words()
