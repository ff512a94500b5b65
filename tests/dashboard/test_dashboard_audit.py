"""The log of changes as a page and in the API."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contract.access import Change
from control.access_kept import KeptAccess
from control.audit import AuditLog
from dashboard.site import Site
from tests.support.dashboard_site import browsing, site_of, token_for


async def written(folder: Path, *changes: Change) -> None:
    kept = KeptAccess(site_of(folder).stored)
    log = AuditLog(kept)
    for change in changes:
        async with log.keeping(change):
            pass
    await kept.close()


def change(number: int, who: str = "ana", action: str = "pause") -> Change:
    return Change(who=who, action=action, subject=f"pipeline p{number}", address="192.0.2.1")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory, empty_store: Path) -> Path:
    """A data folder with a log of seven changes; read only."""
    tmp_path = shutil.copytree(empty_store, tmp_path_factory.mktemp("log") / "data")
    hostile = Change(
        who="50%_<b>", action="cancel", subject="pipeline q\0", detail="\x1b[31m\ud800"
    )
    await written(tmp_path, *map(change, range(5)), change(5, who="Bea"), hostile)
    return tmp_path


async def subjects(web: httpx.AsyncClient, **asked: str) -> list[str]:
    answer = await web.get("/api/v1/audit", params=asked)
    return [each["subject"] for each in answer.json()["changes"]]


async def test_pages_hold_every_change_once(folder: Path):
    async with browsing(site_of(folder)) as web:
        found, after = [], ""
        while after is not None:
            asked = {"limit": "3", "after": after}
            document = (await web.get("/api/v1/audit", params=asked)).json()
            found += [each["id"] for each in document["changes"]]
            after = document["after"]

    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"who": "bea"}, ["pipeline p5"]),
        ({"who": "%"}, ["pipeline q\ufffd"]),
        ({"who": "50%_<"}, ["pipeline q\ufffd"]),
        ({"action": "cancel"}, ["pipeline q\ufffd"]),
        ({"subject": "P3"}, ["pipeline p3"]),
        ({"outcome": "failed"}, []),
        ({"outcome": "", "subject": "p1", "who": ""}, ["pipeline p1"]),
    ],
)
async def test_filters(folder: Path, asked: dict[str, str], found: list[str]):
    async with browsing(site_of(folder)) as web:
        assert await subjects(web, **asked) == found


@pytest.mark.parametrize(
    "asked",
    [
        {"after": "x"},
        {"after": "WyJ4IiwgIngiXQ"},
        {"limit": "201"},
        {"limit": "0"},
        {"outcome": "lost"},
        {"who": "x" * 201},
    ],
)
async def test_wrong_questions_are_refused_with_a_next_step(folder: Path, asked: dict[str, str]):
    async with browsing(site_of(folder)) as web:
        answer = await web.get("/api/v1/audit", params=asked)
        page = await web.get("/audit", params=asked)

    assert (answer.status_code, page.status_code) == (400, 400)
    assert answer.json()["next_step"]


async def test_a_cursor_is_good_for_its_own_question(folder: Path):
    async with browsing(site_of(folder)) as web:
        first = await web.get("/api/v1/audit", params={"who": "ana", "limit": "1"})
        asked = {"who": "bea", "after": first.json()["after"]}
        answer = await web.get("/api/v1/audit", params=asked)

    assert answer.status_code == 400
    assert "another question" in answer.json()["detail"]


async def test_the_page_tells_all_and_leads_to_the_next(folder: Path):
    async with browsing(site_of(folder)) as web:
        page = await web.get("/audit", params={"limit": "2"})
        following = page.text.split('rel="next"')[0].rpartition('href="')[2].split('"')[0]
        second = await web.get(following.replace("&amp;", "&"))

    assert "50%_&lt;b&gt;" in page.text
    assert "<b>" not in page.text.replace("<b>Assay</b>", "")
    assert "pipeline p5" in page.text
    assert "pipeline p4" in second.text
    assert "pipeline p5" not in second.text


@pytest.mark.parametrize(
    ("page", "api", "fields"),
    [
        ("pause", "pause", {}),
        ("resume", "resume", {}),
        ("cancel", "cancel", {}),
        ("parallelism", "parallelism", {"apps": 3}),
        ("priority", "priority", {"priority": "urgent"}),
        ("reset-breaker", "reset-breaker", {"name": "static"}),
        ("retry", "retry", {"app": "m/app1", "apps": ["m/app1"]}),
        ("add", "apps", {"app": "m/app1", "apps": ["m/app1"]}),
    ],
)
async def test_a_change_has_one_name_and_is_kept_without_a_server(
    operator: httpx.AsyncClient, page: str, api: str, fields: dict[str, Any]
):
    form = {name: value for name, value in fields.items() if not isinstance(value, list)}
    sent = {name: value for name, value in fields.items() if name != "app"}
    by_page = await operator.post(f"/pipelines/after/{page}", data=form)
    by_api = await operator.post(f"/api/v1/pipelines/after/{api}", json=sent)
    first, second = (await operator.get("/api/v1/audit")).json()["changes"]

    assert (by_page.status_code, by_api.status_code) == (503, 503)
    assert first["action"] == second["action"]
    assert first["detail"] == second["detail"]
    assert first["outcome"] == second["outcome"] == "failed"


async def test_a_form_without_apps_asks_for_nothing(operator: httpx.AsyncClient):
    refused = [await operator.post(f"/pipelines/after/{name}") for name in ("retry", "add")]
    log = (await operator.get("/api/v1/audit")).json()["changes"]

    assert [answer.status_code for answer in refused] == [400, 400]
    assert log == []


async def test_nothing_changed_is_said(tmp_path: Path):
    async with browsing(site_of(tmp_path)) as web:
        page = await web.get("/audit")

    assert "Nobody has changed anything yet" in page.text


class TestWhatDidNotGetIn:
    @pytest.fixture
    def site(self, tmp_path: Path, empty_store: Path) -> Site:
        return site_of(shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True))

    async def log(self, site: Site) -> list[dict[str, Any]]:
        """What the log has of it; the dashboards that counted have ended, and kept all."""
        async with browsing(site) as web:
            found = (await web.get("/api/v1/audit")).json()["changes"]
        return [each for each in found if each["who"] == "nobody"]

    async def test_is_in_the_log_with_address_and_count(self, site: Site):
        ours = {"Sec-Fetch-Site": "same-origin"}
        async with browsing(site, "192.0.2.7", **ours) as web:
            for number in range(12):
                await web.post("/login", data={"token": f"assay_wrong{number}"})
        (entry,) = await self.log(site)

        assert (entry["action"], entry["address"]) == ("log in", "192.0.2.7")
        assert entry["outcome"] == "failed"
        assert entry["reason"].startswith("12 times a token that lets nobody in, last at ")
        assert "assay_wrong" not in str(entry)

    async def test_is_a_refused_token_of_a_program_too(self, site: Site):
        for address in ("192.0.2.7", "192.0.2.8"):
            wrong = {"Authorization": "Bearer assay_wrong"}
            async with browsing(site, address, **wrong) as web:
                assert (await web.get("/api/v1/me")).status_code == 401
        found = await self.log(site)

        assert [(each["action"], each["address"]) for each in found] == [
            ("use token", "192.0.2.8"),
            ("use token", "192.0.2.7"),
        ]

    async def test_is_a_login_link_that_is_over(self, site: Site):
        async with browsing(site, **{"Sec-Fetch-Site": "same-origin"}) as web:
            looked = await web.get("/enter", params={"key": "wrong"})
            used = await web.post("/enter", data={"key": "wrong"})
        (entry,) = await self.log(site)

        assert (looked.status_code, used.status_code) == (401, 401)
        assert entry["reason"].startswith("2 times a login link that lets nobody in")

    async def test_is_nobody_with_a_good_token_or_without_any(self, site: Site):
        token = await token_for(site)
        async with browsing(site, "192.0.2.7", Authorization=f"Bearer {token}") as web:
            await web.get("/api/v1/me")
        async with browsing(site, "192.0.2.7") as web:
            await web.get("/pipelines")

        assert await self.log(site) == []
