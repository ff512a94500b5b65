"""The parts of pages that are asked for again: what they cost, and what they are."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.spec import AppRef
from control.documents import PipelineStatus
from control.live_documents import LivePipeline
from control.pipelines import Served
from control.serving import ServedPipelines, ServerView
from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.two_pipelines import MODEL, two_pipelines

PART = {"HX-Request": "true"}
APP = "/pipelines/after/apps/openai%252Fgpt-4o/app1"


def every_s(text: str) -> int:
    """How often a page says that it is to be asked for; 0: never."""
    found = re.search(r'id="fresh-every" data-seconds="(\d+)"', text)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("path", ["/pipelines", APP])
async def test_a_part_is_a_part_of_its_page(web: httpx.AsyncClient, path: str):
    whole, part = await web.get(path), await web.get(path, headers=PART)

    assert "<html" in whole.text
    assert "<html" not in part.text
    assert "nonce" not in part.text
    inner = whole.text.split('<div id="fresh">')[1]
    assert inner.strip().startswith(part.text.strip())
    assert "no-store" in whole.headers["cache-control"]
    assert "HX-Request" in part.headers["vary"]


@pytest.mark.parametrize("path", ["/pipelines?text=e", APP])
async def test_a_part_that_is_the_same_costs_no_body(web: httpx.AsyncClient, path: str):
    first = await web.get(path, headers=PART)
    known = {"If-None-Match": first.headers["etag"]}
    again = await web.get(path, headers=PART | known)
    page = await web.get(path, headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert (page.status_code, page.headers.get("etag")) == (200, None)


async def test_viewers_do_not_multiply_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dashboard.app.PART_S", 60.0)
    await two_pipelines(tmp_path)
    async with browsing(site_of(tmp_path)) as web:
        state: Any = web._transport.app.state  # pyright: ignore
        answers = await asyncio.gather(*(web.get("/pipelines", headers=PART) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert (state.parts.asked, state.running.asked) == (1, 1)


async def test_a_part_is_made_for_what_its_reader_may(tmp_path: Path):
    await two_pipelines(tmp_path)
    site = site_of(tmp_path)
    async with operating(site) as operator:
        theirs = await operator.get(APP, headers=PART)
        token = operator.headers.pop("Authorization")
        mine = await operator.get(APP, headers=PART)

    assert token
    assert "Run this app again" in theirs.text
    assert "Run this app again" not in mine.text


async def test_a_part_that_cannot_be_shown_is_an_error(web: httpx.AsyncClient):
    part = await web.get("/pipelines?state=odd", headers=PART)
    gone = await web.get("/pipelines/nowhere/apps/m/app1", headers=PART)

    assert (part.status_code, gone.status_code) == (400, 404)
    assert "etag" not in part.headers


async def test_the_list_has_what_is_ticked_whatever_its_filter_says(web: httpx.AsyncClient):
    listed = await web.get("/pipelines?text=before&pick=after&pick=nowhere", headers=PART)

    assert re.findall(r'<tr id="line-(\w+)"', listed.text) == ["after", "before"]
    assert "1 of 2 pipelines" in listed.text


async def test_an_ended_pipeline_asks_for_none_of_its_apps(web: httpx.AsyncClient):
    page = await web.get(APP)
    listed = await web.get("/pipelines")

    assert every_s(page.text) == 0
    assert "fresh.js" not in page.text
    assert every_s(listed.text) == 20


async def test_a_list_that_shows_what_runs_is_asked_for_more_often(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    began = datetime(2026, 1, 1, tzinfo=UTC)
    runs = Served(id="new", status="running", phase="running", started_at=began, closed_at=None)

    async def now(_: ServedPipelines) -> ServerView:
        return ServerView({"new": runs}, began)

    monkeypatch.setattr(ServedPipelines, "now", now)

    part = (await web.get("/pipelines", headers=PART)).text
    elsewhere = (await web.get("/pipelines?text=after", headers=PART)).text

    assert '<tr id="line-new"' in part
    assert (every_s(part), every_s(elsewhere)) == (4, 20)


class Told:
    """A pipeline as all its viewers are told."""

    def __init__(self, **fields: Any) -> None:
        app = AppProgress(
            ref=AppRef(model=MODEL, app_number=1), step="<b>load test", workflow_id="w"
        )
        progress = PipelineProgress(
            pipeline_id="after", phase=PipelinePhase.RUNNING, total=1, parallelism=1, apps=(app,)
        )
        status = PipelineStatus.of(progress, told_by="server")
        values = {name: getattr(status, name) for name in type(status).model_fields}
        self.seen = LivePipeline(**(values | fields))


@pytest.mark.parametrize(
    ("fields", "every", "words"),
    [
        ({}, 3, "<b>running</b>, &lt;b&gt;load test."),
        ({"away": "nobody answers"}, 3, "<b>was running</b>"),
        ({"apps": ()}, 10, ""),
        ({"phase": PipelinePhase.COMPLETED, "apps": ()}, 0, ""),
    ],
)
async def test_the_part_of_an_app_says_what_it_does_now(
    web: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    every: int,
    words: str,
):
    async def seen_of(*_: object) -> LivePipeline:
        return Told(**fields).seen

    monkeypatch.setattr("dashboard.pages.app.seen_of", seen_of)

    part = (await web.get(APP, headers=PART)).text

    assert every_s(part) == every
    assert words in part
    assert ("Now:" in part) is bool(words)
