"""The list of pipelines: by filter, page by page, with or without a server."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, site_of
from tests.support.new_store import new_store

HOSTILE = "<b>ann</b>\x1b[31m@host"
MANY = 120


def plan(name: str) -> PipelinePlan:
    app = PlannedApp(ref=AppRef(model="m", app_number=1), source=SourceRef(path="/f", digest="1"))
    return PipelinePlan(
        pipeline_id=name, spec=PipelineSpec(apps=AppsSpec(root="fleet")), apps=(app,)
    )


@pytest.fixture(scope="module")
async def many(tmp_path_factory) -> Path:
    """A hundred and twenty pipelines, one a minute; every third one has ended. Read only."""
    folder = tmp_path_factory.mktemp("many")
    url = f"sqlite:///{folder / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    async with store.together() as together:
        for number in range(MANY):
            name, by = f"study-{number:03}", HOSTILE if number % 2 else ""
            header = PlanHeader.of(plan(name), by)
            at = first + timedelta(minutes=number)
            await together.register_page(header, pages_of(plan(name))[0], at)
            if number % 3 == 0:
                await together.record_pipeline_state(name, "completed", {}, at + timedelta(hours=1))
    await store.close()
    return folder


async def listed(web: httpx.AsyncClient, **query: str | int) -> dict:
    answer = await web.get("/api/v1/pipelines", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_pages_have_every_pipeline_once_the_newest_first(many: Path):
    async with browsing(site_of(many)) as web:
        ids, after = [], ""
        while after is not None:
            found = await listed(web, limit=50, after=after)
            ids += [line["id"] for line in found["pipelines"]]
            after = found["after"]
            assert (found["matching"], found["total"]) == (MANY, MANY)

    assert ids == [f"study-{number:03}" for number in reversed(range(MANY))]


@pytest.mark.parametrize(
    ("query", "matching"),
    [
        ({"state": "completed"}, 40),
        ({"state": "unfinished", "by": "ANN"}, 40),
        ({"text": "Study-00"}, 10),
        ({"text": "study-%"}, 0),
        ({"state": "paused"}, 0),
    ],
)
async def test_a_filter_leaves_what_it_says(many: Path, query: dict, matching: int):
    async with browsing(site_of(many)) as web:
        assert (await listed(web, **query))["matching"] == matching
        shown = (await web.get("/pipelines", params=query)).text
        assert f"{matching} of {MANY} pipelines" in shown


async def test_a_state_that_there_is_not_is_refused_not_shown_as_none(many: Path):
    async with browsing(site_of(many)) as web:
        page = await web.get("/pipelines", params={"state": "complete"})
        answer = await web.get("/api/v1/pipelines", params={"state": "complete"})

    assert (page.status_code, answer.status_code) == (400, 400)
    assert "did you mean" in answer.json()["detail"]


async def test_a_cursor_is_good_for_its_question_alone(many: Path):
    async with browsing(site_of(many)) as web:
        after = (await listed(web, limit=10))["after"]
        other = await web.get("/api/v1/pipelines", params={"text": "0", "after": after})

    assert other.status_code == 400
    assert "another question" in other.json()["detail"]


async def test_the_next_page_keeps_the_filter(many: Path):
    async with browsing(site_of(many)) as web:
        first = (await web.get("/pipelines", params={"state": "unfinished", "by": "ann"})).text
        assert 'rel="next"' not in first
        first = (await web.get("/pipelines", params={"state": "unfinished"})).text
        found = re.search(r'href="(/pipelines\?[^"]*)" rel="next"', first)
        assert found
        second = (await web.get(found[1].replace("&amp;", "&"))).text

    assert "80 of 120 pipelines" in second
    assert len(re.findall('name="pick"', second)) == 30


async def test_names_are_shown_as_text(many: Path):
    async with browsing(site_of(many)) as web:
        shown = (await web.get("/pipelines")).text

    assert "<b>ann" not in shown
    assert "&lt;b&gt;ann&lt;/b&gt;" in shown
    assert "not recorded" in shown


async def test_without_a_server_the_page_says_that_states_may_be_old(web: httpx.AsyncClient):
    shown = (await web.get("/pipelines")).text

    assert "States may be old: the Temporal server does not answer" in shown
    assert ">completed<" in shown


async def test_progress_is_told_in_words_beside_the_picture(web: httpx.AsyncClient):
    shown = (await web.get("/pipelines", params={"text": "after"})).text

    assert "3 of 3 ended" in shown
    assert re.search(r'<rect class="infra_failed" x="\d+\.\d+" width="33.33"', shown)
    assert "1 incomplete" in shown


async def test_before_the_first_pipeline_the_page_leads_to_a_new_one(tmp_path: Path):
    async with browsing(site_of(tmp_path)) as web:
        shown = await web.get("/pipelines")
        assert shown.status_code == 200
        assert '<a href="/new">Start one</a>' in shown.text
        assert (await listed(web))["pipelines"] == []


async def test_the_overview_of_a_pipeline_that_is_gone_is_a_problem(web: httpx.AsyncClient):
    found = await web.get("/api/v1/pipelines/after/overview")
    gone = await web.get("/api/v1/pipelines/gone/overview")

    assert found.json()["listing"]["apps"] == 3
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
