"""The page: self-contained, inert, complete."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from contract.analysis import Severity
from reports import build_fleet_report, render_files, render_html
from reports.html import findings_cap
from tests.unit import report_samples as samples
from tests.unit.report_samples import GPT, HOSTILE, NOW, STATIC


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
    return Page(render_html(build_fleet_report(samples.fleet("cancelled"), generated_at=NOW)))


def test_nothing_is_loaded_from_anywhere(page):
    loading = {"src", "srcset", "data", "poster", "action", "background"}
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img")
        assert not loading & attributes.keys()
        assert (attributes.get("href") or "#").startswith(("#", "report.json"))
    assert "url(" not in page.raw["style"] and "@import" not in page.raw["style"]


def test_an_app_says_what_was_not_honoured_and_which_images_ran(page):
    assert "compose: web.privileged was dropped" in page.words()
    assert "web: sha256:0123" in page.words()


def test_only_the_pages_own_style_and_script_may_run(page):
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


def test_strings_of_hostile_apps_stay_text(page):
    assert HOSTILE in page.words()
    assert sum(tag == "script" for tag, _ in page.elements) == 1


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
    assert len(links) == 4 and set(links) <= ids


def test_many_findings_are_cut_and_the_rest_is_named():
    many = tuple(samples.finding("bandit", f"B{n}", Severity.LOW) for n in range(500))
    record = samples.fleet().model_copy(
        update={"cells": (samples.cell(GPT, 1, STATIC, "bandit", findings=many),), "fused": ()}
    )

    page = Page(render_html(build_fleet_report(record, generated_at=NOW)))

    rows = [attrs for tag, attrs in page.elements if tag == "tr" and "data-severity" in attrs]
    assert len(rows) == 200
    assert "300 more, less grave or equal, are in report.json" in page.words()


def test_a_large_fleet_shows_less_of_each_app():
    assert (findings_cap(1), findings_cap(100), findings_cap(10_000)) == (200, 50, 20)


def test_a_pipeline_without_anything_recorded_has_a_page():
    record = samples.fleet("failed").model_copy(update={"cells": (), "fused": (), "detail": {}})

    words = Page(render_html(build_fleet_report(record, generated_at=NOW))).words()

    assert "The pipeline failed." in words
    assert "unknown: none of" in words


def test_the_page_links_to_the_file_beside_it():
    files = render_files(build_fleet_report(samples.fleet(), generated_at=NOW))

    assert {"cells.csv", "report.html", "report.json"} <= files.keys()
    assert b'<a href="report.json">' in files["report.html"]
