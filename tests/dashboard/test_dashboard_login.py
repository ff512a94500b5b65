"""Sessions of browsers: by token, by a login link, and how they end."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path

import httpx
import pytest

from contract.access import Scope
from control.access import IDLE, LINK_MINUTES, LONGEST, Access
from control.access_kept import KeptAccess
from dashboard.access.returning import safe_path
from dashboard.app import create_app
from dashboard.site import Doors, Site
from tests.support.dashboard_site import ORIGIN, site_of, token_for

REMOTE = "192.0.2.7"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Moving:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def site(tmp_path: Path, empty_store: Path) -> Site:
    return site_of(shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True))


@asynccontextmanager
async def browser(
    site: Site, address: str = "127.0.0.1", clock: Moving | None = None, origin: str = ORIGIN
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, which says for each request that a page of ours asks."""
    app = create_app(site)
    if clock is not None:
        app.state.access.now = clock
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=origin, headers=OURS) as client,
    ):
        client.event_hooks["response"] = [lambda _: app.state.access.close()]  # uses are kept
        yield client


@asynccontextmanager
async def access_of(site: Site) -> AsyncIterator[Access]:
    kept = KeptAccess(site.stored)
    yield Access(kept)
    await kept.close()


async def enter(web: httpx.AsyncClient, token: str, **more: str) -> httpx.Response:
    return await web.post("/login", data={"token": token, **more})


async def operates(web: httpx.AsyncClient) -> bool:
    return (await web.get("/tokens")).status_code == 200


class TestByToken:
    async def test_leads_back_and_operates_until_logout(self, site: Site):
        token = await token_for(site, name="ana")
        async with browser(site, REMOTE) as web:
            answer = await enter(web, f" {token}\n", next="/pipelines/p1?a=b")
            (cookie,) = answer.headers.get_list("set-cookie")
            allowed = await operates(web)
            page = await web.get("/audit")
            out = await web.post("/logout")
            after = await web.get("/audit")

        assert (answer.status_code, answer.headers["location"]) == (303, "/pipelines/p1?a=b")
        assert allowed
        assert "log in" in page.text
        assert "Log out" in page.text
        assert out.headers["location"] == "/login"
        assert after.status_code == 401
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert token not in cookie

    async def test_the_server_forgets_a_session_at_logout(self, site: Site):
        token = await token_for(site)
        async with browser(site) as web:
            await enter(web, token)
            stolen = dict(web.cookies)
            await web.post("/logout")
            web.cookies.update(stolen)
            assert not await operates(web)

    async def test_who_logs_in_anew_leaves_no_session_behind(self, site: Site):
        token = await token_for(site)
        async with browser(site) as web, access_of(site) as access:
            await enter(web, token)
            first = dict(web.cookies)
            await enter(web, token)
            left = (await access.sessions()).sessions
            allowed = await operates(web)
            web.cookies.update(first)

            assert (allowed, len(left)) == (True, 1)
            assert not await operates(web)

    async def test_over_tls_the_cookie_is_secure(self, site: Site):
        token = await token_for(site)
        async with browser(site, origin="https://127.0.0.1") as web:
            answer = await enter(web, token)
            allowed = await operates(web)

        assert answer.headers["set-cookie"].startswith("__Host-assay=")
        assert "Secure" in answer.headers["set-cookie"]
        assert allowed

    async def test_a_proxy_that_ends_tls_is_believed(self, site: Site):
        site = site_of(site.data_dir, doors=Doors(hosts=("lab",), proxy=REMOTE))
        token = await token_for(site)
        async with browser(site, REMOTE, origin="http://lab") as web:
            answer = await web.post(
                "/login", data={"token": token}, headers={"X-Forwarded-Proto": "https"}
            )

        assert "Secure" in answer.headers["set-cookie"]

    async def test_a_wrong_one_is_said_beside_the_form(self, site: Site):
        async with browser(site) as web:
            answer = await enter(web, "assay_wrong", next="/audit")

        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert 'name="next" value="/audit"' in answer.text
        assert "assay_wrong" not in answer.text
        assert "set-cookie" not in answer.headers

    async def test_what_is_wrong_is_said_with_its_names_as_they_are(self, tmp_path: Path):
        folder = tmp_path / "Study-A"
        folder.mkdir()
        (folder / "assay.db").write_bytes(b"no database" * 200)
        async with browser(site_of(folder)) as web:
            answer = await enter(web, "assay_right")

        assert 'role="alert"' in answer.text and "Study-A" in answer.text

    async def test_after_ten_wrong_ones_another_wrong_one_has_to_wait(self, site: Site):
        token = await token_for(site)
        async with browser(site, REMOTE) as web:
            for _ in range(10):
                await enter(web, "assay_wrong")
            wrong, right = await enter(web, "assay_wrong"), await enter(web, token)

        assert wrong.status_code == 429
        assert "try again in 5 minutes" in wrong.text
        assert right.status_code == 303

    async def test_a_program_with_an_old_token_is_not_who_types_one(self, site: Site):
        async with browser(site) as web:
            for _ in range(11):
                await web.get("/api/v1/me", headers={"Authorization": "Bearer assay_old"})
            answer = await enter(web, "assay_wrong")

        assert answer.status_code == 401

    async def test_a_page_of_somebody_else_logs_nobody_in(self, site: Site):
        token = await token_for(site)
        async with browser(site) as web:
            answer = await web.post(
                "/login", data={"token": token}, headers={"Sec-Fetch-Site": "cross-site"}
            )

        assert answer.status_code == 403

    async def test_one_that_may_read_does_not_operate(self, site: Site):
        token = await token_for(site, Scope.READ)
        async with browser(site, REMOTE) as web:
            await enter(web, token)
            reads, changes = await web.get("/pipelines"), await web.get("/tokens")

        assert (reads.status_code, changes.status_code) == (200, 403)


class TestTheEnd:
    @pytest.mark.parametrize(
        ("steps", "step", "goes_on"),
        [
            (1, IDLE - timedelta(minutes=1), True),
            (1, IDLE + timedelta(minutes=1), False),
            (20, IDLE - timedelta(minutes=1), True),
            (22, IDLE - timedelta(minutes=1), False),
        ],
    )
    async def test_idle_and_old_sessions_end(
        self, site: Site, steps: int, step: timedelta, goes_on: bool
    ):
        assert 20 * step < LONGEST < 22 * (IDLE - timedelta(minutes=1))
        token, clock = await token_for(site), Moving()
        async with browser(site, clock=clock) as web:
            await enter(web, token)
            for _ in range(steps):
                clock.moment += step
                last = await operates(web)

        assert last is goes_on

    async def test_a_revoked_token_ends_its_sessions(self, site: Site):
        token = await token_for(site, name="ana")
        async with browser(site) as web, access_of(site) as access:
            await enter(web, token)
            before = await operates(web)
            await access.revoke("ana")
            after = await operates(web)
            again = await enter(web, token)

        assert (before, after, again.status_code) == (True, False, 401)

    async def test_an_expired_token_ends_its_sessions(self, site: Site):
        clock = Moving()
        async with browser(site, clock=clock) as web, access_of(site) as access:
            token = (await access.create_token("ana", Scope.OPERATE, 0.1, "a test")).token
            await enter(web, token)
            before = await operates(web)
            clock.moment += timedelta(days=0.11)
            assert (before, await operates(web)) == (True, False)

    async def test_a_session_of_this_machine_is_good_here_alone(self, site: Site):
        token = await token_for(site)
        async with browser(site) as web, browser(site, REMOTE) as elsewhere:
            await enter(web, token)
            elsewhere.cookies.update(web.cookies)
            assert await operates(web)
            assert not await operates(elsewhere)

    async def test_a_session_can_be_ended_by_another(self, site: Site):
        token = await token_for(site)
        async with browser(site, REMOTE) as lost, browser(site) as web:
            await enter(lost, token)
            await enter(web, token)
            sessions = (await web.get("/api/v1/sessions")).json()["sessions"]
            (session,) = (each["id"] for each in sessions if each["address"] == REMOTE)
            answer = await web.post("/sessions/end", data={"id": session})
            assert answer.status_code == 303
            assert not await operates(lost)
            assert await operates(web)

    async def test_a_token_can_be_revoked_on_the_page(self, site: Site):
        token, mine = await token_for(site, name="lost"), await token_for(site)
        async with browser(site) as web, browser(site, REMOTE) as other:
            await enter(other, token)
            await enter(web, mine)
            answer = await web.post("/tokens/revoke", data={"name": "lost"})
            page = await web.get("/tokens")
            assert not await operates(other)

        assert answer.headers["location"] == "/tokens"
        assert "revoked" in page.text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("/tokens/revoke", "name"),
        ("/sessions/end", "id"),
        ("/login", "token"),
        ("/login", "next"),
        ("/enter", "key"),
        ("/pipelines/p1/suppressions/withdraw", "fingerprint"),
    ],
)
async def test_what_is_too_long_is_not_said_back(site: Site, form: str, field: str):
    token = await token_for(site)
    async with browser(site) as web:
        await enter(web, token)
        answer = await web.post(form, data={field: "x" * 900_000})
        api = await web.post(f"/api/v1/tokens/{'x' * 60_000}/revoke")

    assert answer.status_code in (400, 401, 404)
    assert "x" * 5_000 not in answer.text
    assert api.status_code == 404
    assert "x" * 5_000 not in api.text


class TestByLink:
    async def test_is_good_once_and_a_look_does_not_use_it_up(self, site: Site):
        async with browser(site) as web, browser(site) as second, access_of(site) as access:
            link = await access.make_link("ana@lab")
            looked = [await web.get("/enter", params={"key": link.key}) for _ in range(2)]
            entered = await web.post("/enter", data={"key": link.key})
            again = await second.post("/enter", data={"key": link.key})
            page = await web.get("/tokens")

        assert [answer.status_code for answer in looked] == [200, 200]
        assert "ana@lab" in looked[0].text
        assert entered.status_code == 303
        assert again.status_code == 401
        assert "used up" in again.text
        assert "login link" in page.text

    async def test_is_good_for_ten_minutes(self, site: Site):
        clock = Moving()
        async with browser(site, clock=clock) as web, access_of(site) as access:
            link = await access.make_link("ana@lab")
            clock.moment += timedelta(minutes=LINK_MINUTES, seconds=1)
            answer = await web.post("/enter", data={"key": link.key})

        assert answer.status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "/pipelines/p1/apps/org%252Fm/app1?gone=1&after=a%2Fb",
        "/pipelines/p1/apps/m%C3%A9/app1",
        "/pipelines/p1?text=%C3%A9",
    ],
)
async def test_who_logs_in_comes_back_to_the_very_address(site: Site, address: str):
    async with browser(site, REMOTE) as web:
        page = await web.get(address)
        link = unescape(page.text.split('href="/login?')[1].split('"')[0])
        form = await web.get(f"/login?{link}")

    assert f'name="next" value="{escape(address)}"' in form.text


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
        "pipelines",
        "/login?next=/login",
        "/a\r\nSet-Cookie: x=y",
        "/" + "a" * 3_000,
    ],
)
def test_nobody_is_led_to_another_site(text: str):
    assert safe_path(text) == "/pipelines"


class TestTheStoreIsAway:
    @pytest.fixture
    async def damaged(self, site: Site, tmp_path: Path) -> tuple[Site, str]:
        token = await token_for(site)
        for file in tmp_path.glob("assay.db*"):
            file.unlink()
        (tmp_path / "assay.db").write_bytes(b"no database" * 100)
        return site, token

    async def test_nobody_is_let_in_and_the_cause_is_said(self, damaged: tuple[Site, str]):
        site, token = damaged
        async with browser(site) as web:
            form = await enter(web, token)
            web.cookies.set("assay-8240", "x" * 43)
            page = await web.get("/tokens")
            api = await web.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})

        assert (form.status_code, page.status_code, api.status_code) == (500, 500, 500)
        for answer in (form, page, api):
            assert "not a database" in answer.text

    async def test_who_cannot_be_logged_out_is_told_and_keeps_the_cookie(
        self, site: Site, tmp_path: Path
    ):
        token, store, aside = await token_for(site), tmp_path / "assay.db", tmp_path / "aside"
        async with browser(site) as web:
            await enter(web, token)
            store.rename(aside)
            store.write_bytes(b"no database" * 100)
            failed = await web.post("/logout")
            store.unlink()
            aside.rename(store)
            still = await operates(web)
            ended = await web.post("/logout")

        assert failed.status_code == 500
        assert "not a database" in failed.text
        assert "set-cookie" not in failed.headers
        assert (still, ended.status_code) == (True, 303)

    async def test_who_may_read_without_it_still_knows_who_they_are(
        self, damaged: tuple[Site, str]
    ):
        async with browser(damaged[0]) as web:
            web.cookies.set("assay-8240", "x" * 43)
            answer = await web.get("/api/v1/me")

        assert answer.json()["means"] == "local"


async def test_of_secrets_the_store_has_digests_alone(tmp_path: Path):
    site = site_of(tmp_path)
    token = await token_for(site)
    async with browser(site) as web, access_of(site) as access:
        await enter(web, token)
        link = await access.make_link("ana@lab")
        secrets = [token, link.key, *web.cookies.values()]

    content = b"".join(path.read_bytes() for path in tmp_path.glob("assay.db*"))
    assert len(secrets) == 3
    assert not [secret for secret in secrets if secret.encode() in content]
