"""Reports: the written forms to download, and writing them anew in the background."""

import asyncio
import io
import os
import shutil
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from control import report_jobs
from control.forms import FORMS, Source
from control.report_documents import MEANINGS
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.store_folder import url_in
from tests.support.two_pipelines import AFTER, record, write_report

PAGE = "/pipelines/after/reports"
API = f"/api/v1{PAGE}"


async def ended(client: httpx.AsyncClient) -> dict[str, Any]:
    """The writing, when it is over."""
    async with asyncio.timeout(60):
        while True:
            told = (await client.get("/api/v1/pipelines/after/writing")).json()
            if told["ended_at"]:
                return told
            await asyncio.sleep(0.05)


async def forms(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {one["form"]: one for one in (await client.get(API)).json()["forms"]}


def test_each_form_says_what_it_is_for():
    assert set(FORMS) == set(MEANINGS)


async def test_who_only_reads_sees_what_is_written_and_no_button(web: httpx.AsyncClient):
    page = (await web.get(PAGE)).text
    told = await forms(web)

    assert "speaks for what is recorded" in page
    assert "<button" not in page
    assert told["html"]["state"] == "written"
    assert (told["csv"]["state"], told["csv"]["files"]) == ("missing", 0)


async def test_a_form_is_a_file_to_keep_and_never_a_page(web: httpx.AsyncClient):
    zipped = await web.get(f"{PAGE}/html")
    alone = await web.get(f"{PAGE}/html", params={"file": "report.html"})

    names = zipfile.ZipFile(io.BytesIO(zipped.content)).namelist()
    assert "after-html/report.html" in names
    assert any(name.startswith("after-html/apps/") for name in names)
    assert b"<!doctype html>" in alone.content[:40]
    for answer in (zipped, alone):
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        (f"{API}/csv", 404, "is not written"),
        (f"{API}/pdf", 400, "no form"),
        (f"{API}/json?file=../../assay.db", 404, "no file"),
        ("/api/v1/pipelines/nobody/reports/json", 404, "is not written"),
        ("/api/v1/pipelines/nobody/reports", 404, "no pipeline"),
    ],
)
async def test_what_is_not_there_is_one_error_with_a_next_step(
    web: httpx.AsyncClient, url: str, status: int, words: str
):
    answer = await web.get(url)

    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert answer.json()["next_step"]


async def test_a_form_is_written_in_the_background_and_downloaded(operator: httpx.AsyncClient):
    posted = await operator.post(PAGE, data={"form": "csv"})
    told = await ended(operator)
    page = (await operator.get(PAGE)).text
    file = await operator.get(f"{API}/csv")

    assert (posted.status_code, posted.headers["location"]) == (303, PAGE)
    assert (told["state"], told["by"]) == ("done", "operator")
    assert "also as csv" in page
    assert any(
        name.endswith("/cells.csv") for name in zipfile.ZipFile(io.BytesIO(file.content)).namelist()
    )


async def test_a_form_of_an_earlier_report_is_told(operator: httpx.AsyncClient, tmp_path: Path):
    await operator.post(API, json={"forms": ["markdown"], "anew": False})
    await ended(operator)
    path = tmp_path / "changed/exports/after/markdown/summary.md"
    before = (await forms(operator))["markdown"]["state"]
    earlier = path.with_suffix(".earlier")
    earlier.write_bytes(path.read_bytes())
    os.utime(earlier, (1_000_000_000, 1_000_000_000))
    earlier.replace(path)

    assert before == "written"
    assert (await forms(operator))["markdown"]["state"] == "older"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"schema_version": "3.0", "apps"', "is damaged"),
        ('{"schema_version": "1.0"}', "which this version does not"),
        (None, "no report of pipeline"),
    ],
)
async def test_what_is_old_damaged_or_gone_is_told_and_mended(
    operator: httpx.AsyncClient, tmp_path: Path, text: str | None, words: str
):
    path = tmp_path / "changed/reports/after/report.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    before = (await operator.get(API)).json()
    page = (await operator.get(PAGE)).text
    await operator.post(PAGE, data={"anew": "true"})
    told = await ended(operator)
    after = (await operator.get(API)).json()

    assert words in before["problem"]
    assert words in page
    assert before["as_of"] is None
    assert told["state"] == "done"
    assert (after["problem"], after["stale"]) == ("", "")


async def test_a_report_of_other_decisions_does_not_speak_for_the_pipeline(
    operator: httpx.AsyncClient,
):
    decided = "/api/v1/pipelines/after/suppressions"
    about = {"fingerprint": "v2-kept", "app": "openai/gpt-4o/app1", "who": "A", "why": "x"}

    async def stale() -> str:
        return (await operator.get(API)).json()["stale"]

    await operator.post(decided, json=about)
    suppressed, page = await stale(), (await operator.get(PAGE)).text
    await operator.post(f"{decided}/withdraw", json=about)
    withdrawn = await stale()
    await operator.post(decided, json={**about, "until": "2020-01-01"})
    expired = await stale()
    await operator.post(decided, json=about)
    await operator.post(PAGE, data={"anew": ""})
    await ended(operator)

    assert "decisions about its weaknesses have changed" in suppressed
    assert "does not speak for what is recorded now" in page
    assert (withdrawn, expired, await stale()) == ("", "", "")


async def test_a_report_that_the_disk_does_not_give_is_told(
    operator: httpx.AsyncClient, tmp_path: Path
):
    path = tmp_path / "changed/reports/after/report.json"
    path.unlink()
    path.mkdir()  # whoever runs the tests may read any file

    for page in (PAGE, "/pipelines/after/models", "/pipelines/after/tools"):
        answer = await operator.get(page)
        assert answer.status_code == 200
    assert "fault on the disk" in (await operator.get(API)).json()["problem"]


async def test_documents_of_apps_that_are_gone_are_counted(
    operator: httpx.AsyncClient, tmp_path: Path
):
    folder = tmp_path / "changed/reports/after/apps"
    next(folder.glob("*.json")).unlink()

    json_form = (await forms(operator))["json"]
    await operator.post(API, json={"forms": ["csv"], "anew": False})
    told = await ended(operator)

    assert json_form["problem"] == "documents of 1 of 3 apps are gone"
    assert told["state"] == "failed"
    assert told["next_step"] == "write the report anew"
    assert "Not written" in (await operator.get(PAGE)).text


async def test_documents_of_controls_stand_for_no_other(empty_store: Path, tmp_path: Path):
    folder = shutil.copytree(empty_store, tmp_path / "kept")
    store = SqlResultStore.from_url(url_in(folder))
    await record(store, "after", AFTER, blind="opengrep")
    await write_report(store, folder, "after")
    await store.close()
    next((folder / "reports/after/apps").glob("openai*.json")).unlink()

    async with browsing(site_of(folder)) as client:
        json_form = (await forms(client))["json"]

    assert json_form["state"] == "incomplete"
    assert json_form["problem"] == "documents of 1 of 4 apps are gone"


async def test_a_report_does_not_speak_for_decisions_that_came_or_went(
    operator: httpx.AsyncClient,
):
    """What it calls suppressed is not what the other pages do."""
    url = "/api/v1/pipelines/after/suppressions"
    key = {"fingerprint": "v2-kept", "who": "Ada", "why": "behind a proxy"}
    told: list[tuple[str, str]] = []
    for change in ("", "", "/withdraw"):
        if told:
            assert (await operator.post(url + change, json=key)).is_success
        models = (await operator.get("/api/v1/pipelines/after/models")).json()
        told.append(((await operator.get(API)).json()["stale"], models["told_by"]))

    assert told[0] == told[2] == ("", "report")
    assert "decisions" in told[1][0]
    assert told[1][1] == "store"


async def test_two_writings_of_one_report_are_one(operator: httpx.AsyncClient):
    first = await operator.post(API, json={})
    second = await operator.post(API, json={})
    await ended(operator)

    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json()["next_step"] == "wait until it is written"


@pytest.mark.parametrize("body", [{"forms": ["pdf"]}, {"form": ["csv"]}, {"forms": ["csv"] * 99}])
async def test_what_is_no_form_is_refused_before_anything_is_written(
    operator: httpx.AsyncClient, body: dict[str, Any]
):
    answer = await operator.post(API, json=body)

    assert answer.status_code == 400
    assert (await operator.get("/api/v1/pipelines/after/writing")).json() is None


async def test_a_dashboard_that_ends_leaves_the_old_report(recorded: Path, tmp_path: Path):
    """It was killed while it wrote: the next one finds the old report, whole."""
    folder = shutil.copytree(recorded, tmp_path / "copy")
    async with operating(site_of(folder)) as client:
        await client.post(API, json={"forms": list(FORMS)})
    async with browsing(site_of(folder)) as client:
        told = (await client.get(API)).json()

    assert told["problem"] == ""
    assert told["writing"] is None
    assert not list((folder / "reports/after").glob(".draft-*"))


async def test_nothing_is_written_when_the_writings_are_closed(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shutil.copytree(recorded, tmp_path / "copy")
    begun, done = threading.Event(), threading.Event()

    def write(source: Source, forms: Sequence[str], out: None) -> None:
        begun.set()
        with suppress(Exception):
            while True:
                list(source.apps())  # it is stopped between two apps
        time.sleep(0.1)  # the rest of the app that it was at
        done.set()

    monkeypatch.setattr(report_jobs, "write_forms", write)
    jobs = report_jobs.ReportJobs(site_of(folder).stored, folder, "assay 0")
    await jobs.start("after", ["csv"], anew=False)
    await asyncio.to_thread(begun.wait, 30)
    await jobs.close()

    assert done.is_set()
    writing = jobs.writing("after")
    assert writing is not None
    assert writing.state == "failed"


@pytest.fixture
async def reader(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(recorded)) as client:
        yield client


async def test_who_may_only_read_writes_nothing(reader: httpx.AsyncClient):
    answer = await reader.post(PAGE, data={"anew": "true"})

    assert answer.status_code in (401, 403)
    assert (await reader.get("/api/v1/pipelines/after/writing")).json() is None
