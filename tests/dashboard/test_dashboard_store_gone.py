"""A store that was there and is gone is an error that says so, and never an empty installation."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from contract.errors import ErrorCode, PlatformError
from control.pipeline_list import PipelinesAsked, pipelines_page
from control.pipelines import Served
from control.serving import ServerView
from control.stored import Stored
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, site_of, token_for
from tests.support.new_store import new_store

ASKED = (
    "/pipelines",
    "/pipelines/before",
    "/pipelines/before/findings",
    "/pipelines/before/models",
    "/pipelines/before/reports",
    "/audit",
    "/api/v1/pipelines",
    "/api/v1/pipelines/before",
    "/api/v1/pipelines/before/findings",
    "/api/v1/audit",
)


def taken_away(folder: Path) -> None:
    for path in folder.glob("assay.db*"):
        path.rename(path.with_name(f"aside-{path.name}"))


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / "copy")


def said(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and "store is gone" in answer.text


@pytest.mark.parametrize("again", [False, True], ids=["running", "started-again"])
async def test_every_page_says_so(copy: Path, again: bool):
    site = site_of(copy)
    token = await token_for(site)
    if again:
        site = site_of(copy)
    async with browsing(site) as web:
        if not again:
            assert (await web.get("/pipelines")).status_code == 200
        taken_away(copy)
        silent = [path for path in ASKED if not said(await web.get(path))]
        mine = await web.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        here = {"Origin": str(web.base_url)}
        login = await web.post("/login", data={"token": token}, headers=here)
        system = await web.get("/api/v1/system")

    assert not silent
    assert "store is gone" in mine.text
    assert "store is gone" in login.text
    store = next(part for part in system.json()["parts"] if part["id"] == "store")
    assert (store["state"], "is gone" in store["detail"]) == ("away", True)
    assert not (copy / "assay.db").exists(), "an empty store took its place"


async def test_one_that_no_worker_has_made_yet_is_empty(tmp_path: Path):
    for folder in ("artifacts/tmp", "reports"):
        (tmp_path / folder).mkdir(parents=True)
    assert await Stored(f"sqlite:///{tmp_path / 'assay.db'}", lambda: False).heads() == []


async def test_a_process_remembers_the_store_that_it_saw(tmp_path: Path):
    stored = Stored(f"sqlite:///{tmp_path / 'assay.db'}", lambda: False)
    assert await stored.heads() == []
    await new_store(stored.url)
    assert await stored.heads() == []
    taken_away(tmp_path)

    with pytest.raises(PlatformError, match="is gone") as gone:
        await stored.kept().heads()
    assert gone.value.code is ErrorCode.UNAVAILABLE


async def test_a_pruned_pipeline_is_said_to_be_removed_and_is_listed_no_more(copy: Path):
    site = site_of(copy)
    store = SqlResultStore.from_url(site.stored.url)
    assert await store.prune(["before"]) == ["before"]
    await store.close()
    async with browsing(site) as web:
        for path in ("/pipelines/before", "/pipelines/before/findings", "/api/v1/pipelines/before"):
            answer = await web.get(path)
            assert (path, answer.status_code) == (path, 404)
            assert "removed on purpose" in answer.text, path


@pytest.mark.parametrize(("status", "listed"), [("completed", False), ("running", True)])
async def test_the_server_still_knows_a_pruned_pipeline(copy: Path, status: str, listed: bool):
    stored = site_of(copy).stored
    store = SqlResultStore.from_url(stored.url)
    await store.prune(["before"])
    await store.close()
    now = datetime.now(UTC)
    view = ServerView({"before": Served("before", status, "", now, None)}, now)

    page = await pipelines_page(stored, view, PipelinesAsked())

    assert ("before" in {line.id for line in page.pipelines}) is listed
