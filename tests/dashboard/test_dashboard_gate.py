"""Who may read and who may change something, by every way in."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import Request

from contract.access import AuditQuery, Scope
from contract.errors import ErrorCode, PlatformError
from control.access_kept import KeptAccess
from control.audit import AuditLog
from dashboard.access.audit import audited
from dashboard.app import create_app
from dashboard.known import Operator
from dashboard.site import Doors, Site
from tests.support.dashboard_site import ORIGIN, browsing, operating, site_of, token_for

REMOTE = "192.0.2.7"
PROXY = "198.51.100.2"


@pytest.fixture
def site(tmp_path: Path, empty_store: Path) -> Site:
    """An installation in which nothing was ever done."""
    return site_of(shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True))


@asynccontextmanager
async def client_of(
    site: Site, address: str = "127.0.0.1", **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a dashboard with a route that changes something."""
    app = create_app(site)

    @app.post("/api/v1/change")
    async def change(request: Request, actor: Operator, wrong: bool = False) -> str:
        async with audited(request, actor, "pause", "pipeline p1", "now"):
            if wrong:
                raise PlatformError(ErrorCode.UNAVAILABLE, "the server is away")
        return actor.name

    @app.post("/api/v1/bug")
    async def bug(request: Request, actor: Operator) -> str:
        async with audited(request, actor, "pause"):
            raise ZeroDivisionError

    # They come first, so that not all other routes are prepared for each test.
    app.router.routes[:] = [*app.router.routes[-2:], *app.router.routes[:-2]]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client,
    ):
        yield client


async def log_of(site: Site) -> list:
    kept = KeptAccess(site.stored)
    try:
        return list((await AuditLog(kept).changes(AuditQuery())).changes)
    finally:
        await kept.close()


async def bearer(site: Site, scope: Scope = Scope.OPERATE) -> dict[str, str]:
    return {"Authorization": f"Bearer {await token_for(site, scope, name='ana')}"}


class TestReading:
    async def test_needs_nothing_on_this_machine(self, site: Site):
        async with browsing(site) as web:
            assert (await web.get("/pipelines")).status_code == 200

    async def test_needs_a_token_here_too_where_it_is_set_so(self, site: Site):
        site = site_of(site.data_dir, doors=Doors(local=False))
        token = await bearer(site, Scope.READ)
        async with browsing(site) as web:
            page, static = await web.get("/pipelines"), await web.get("/static/report.css")
            health = await web.get("/health")
            with_token = await web.get("/pipelines", headers=token)

        assert (page.status_code, static.status_code, health.status_code) == (401, 200, 200)
        assert with_token.status_code == 200

    async def test_makes_no_store(self, tmp_path: Path):
        async with browsing(site_of(tmp_path)) as web:
            web.cookies.set("assay-8240", "x" * 43)
            await web.get("/pipelines")

        assert list(tmp_path.iterdir()) == []

    async def test_from_elsewhere_needs_a_token(self, site: Site):
        async with browsing(site, REMOTE) as web:
            page, api = await web.get("/pipelines"), await web.get("/api/v1/audit")

        assert (page.status_code, api.status_code) == (401, 401)
        assert "/login?next=%2Fpipelines" in page.text
        assert api.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("scope", Scope)
    async def test_from_elsewhere_with_a_token(self, site: Site, scope: Scope):
        async with browsing(site, REMOTE, **await bearer(site, scope)) as web:
            assert (await web.get("/pipelines")).status_code == 200

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "Via"]
    )
    async def test_what_a_stranger_hands_on_is_not_of_this_machine(self, site: Site, header: str):
        async with browsing(site) as web:
            answer = await web.get("/pipelines", headers={header: "127.0.0.1"})

        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "token", ["Bearer assay_wrong", "Basic YTpi", "Bearer ", "assay_x", ""]
    )
    async def test_a_wrong_token_reads_nothing_even_here(self, site: Site, token: str):
        async with browsing(site) as web:
            answer = await web.get("/api/v1/audit", headers={"Authorization": token})

        assert answer.status_code == 401
        assert "unknown, revoked or expired" in answer.json()["detail"]


class TestNames:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:8240", "localhost:8240", "LOCALHOST", "[::1]:8240", "127.8.8.8", "lab."]
    )
    async def test_ours_are_answered(self, site: Site, host: str):
        site = site_of(site.data_dir, doors=Doors(hosts=("lab",)))
        async with browsing(site) as web:
            assert (await web.get("/pipelines", headers={"Host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "0.0.0.0", "", "["]
    )
    async def test_others_are_refused_before_anything_is_read(self, site: Site, host: str):
        async with browsing(site) as web:
            answer = await web.get("/pipelines", headers={"Host": host})

        assert answer.status_code == 403
        assert "does not answer under the name" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    async def test_two_names_are_none(self, site: Site):
        async with browsing(site) as web:
            hosts = [("Host", "127.0.0.1:8240"), ("Host", "evil.example")]
            answer = await web.get("/pipelines", headers=hosts)

        assert answer.status_code == 403

    async def test_the_address_that_was_called_is_one(self, site: Site):
        """`Host` is the address itself: no page of somebody else has that as its origin."""
        token = await bearer(site)
        app = create_app(site)
        transport = httpx.ASGITransport(app, client=(REMOTE, 4))
        base = "http://198.51.100.9:8240"
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=base, headers=token) as web,
        ):
            mine = await web.get("/api/v1/me")
            other = await web.get("/api/v1/me", headers={"Host": "198.51.100.10:8240"})

        assert (mine.status_code, other.status_code) == (200, 403)


class TestChanging:
    async def test_needs_a_token_even_here(self, site: Site):
        async with client_of(site) as web:
            answer = await web.post("/api/v1/change", headers={"Origin": ORIGIN})

        assert answer.status_code == 401

    async def test_needs_the_scope_operate(self, site: Site):
        async with client_of(site, **await bearer(site, Scope.READ)) as web:
            answer = await web.post("/api/v1/change")

        assert answer.status_code == 403
        assert "ana has none" in answer.json()["detail"]

    async def test_a_program_with_a_token_may(self, site: Site):
        async with client_of(site, REMOTE, **await bearer(site)) as web:
            answer = await web.post("/api/v1/change")

        assert answer.json() == "ana"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "http://127.0.0.1:5000"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": "http://["},
        ],
    )
    async def test_a_page_of_somebody_else_may_not(self, site: Site, headers: dict[str, str]):
        async with client_of(site, **await bearer(site)) as web:
            answer = await web.post("/api/v1/change", headers=headers)

        assert answer.status_code == 403
        assert await log_of(site) == []

    @pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": ORIGIN}])
    async def test_a_page_of_ours_may(self, site: Site, headers: dict[str, str]):
        async with client_of(site, **await bearer(site)) as web:
            assert (await web.post("/api/v1/change", headers=headers)).status_code == 200


class TestTheLog:
    async def test_names_who_did_what_from_where_and_how_it_ended(self, site: Site):
        async with client_of(site, REMOTE, **await bearer(site)) as web:
            await web.post("/api/v1/change")
        (entry,) = await log_of(site)

        assert (entry.who, entry.action, entry.subject) == ("ana", "pause", "pipeline p1")
        assert (entry.detail, entry.address, entry.outcome) == ("now", REMOTE, "done")
        assert entry.ended_at >= entry.at

    async def test_keeps_why_a_change_failed(self, site: Site):
        async with client_of(site, **await bearer(site)) as web:
            answer = await web.post("/api/v1/change?wrong=1")
        (entry,) = await log_of(site)

        assert answer.status_code == 503
        assert (entry.outcome, entry.reason) == ("failed", "the server is away")

    async def test_keeps_that_a_bug_of_ours_ended_a_change(self, site: Site):
        async with client_of(site, **await bearer(site)) as web:
            answer = await web.post("/api/v1/bug")
        (entry,) = await log_of(site)

        assert answer.status_code == 500
        assert answer.json()["detail"] == "an error that nobody expected: ZeroDivisionError"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (entry.outcome, entry.reason) == ("failed", "ZeroDivisionError")

    async def test_no_log_no_change(self, site: Site, tmp_path: Path):
        headers = await bearer(site)
        async with client_of(site, **headers) as web:
            await web.get("/audit")
            store = tmp_path / "assay.db"
            store.chmod(0o600)
            for file in tmp_path.glob("assay.db*"):
                file.unlink()
            store.write_bytes(b"no database" * 100)
            answer = await web.post("/api/v1/change")

        assert answer.status_code == 500
        assert "not a database" in answer.json()["detail"]


class TestAProxy:
    DOORS = Doors(hosts=("lab",), proxy=PROXY, proxy_scopes_header="X-Scopes")

    def behind(self, site: Site, **headers: str):
        site = site_of(site.data_dir, doors=self.DOORS)
        return client_of(site, PROXY, Host="lab", **headers)

    async def test_says_who_asks(self, site: Site):
        headers = {"X-Forwarded-User": "bea", "X-Scopes": "operate", "X-Forwarded-For": REMOTE}
        async with self.behind(site, **headers) as web:
            answer = await web.post("/api/v1/change", headers={"Origin": "https://lab"})
        (entry,) = await log_of(site)

        assert answer.json() == "bea"
        assert entry.address == REMOTE

    async def test_whom_it_gives_no_scope_may_read_alone(self, site: Site):
        async with self.behind(site, **{"X-Forwarded-User": "bea"}) as web:
            page = await web.get("/pipelines")
            change = await web.post("/api/v1/change", headers={"Origin": "https://lab"})

        assert (page.status_code, change.status_code) == (200, 403)

    async def test_whom_it_does_not_name_is_nobody(self, site: Site):
        async with self.behind(site) as web:
            assert (await web.get("/pipelines")).status_code == 401

    @pytest.mark.parametrize("address", [REMOTE, "127.0.0.1"])
    async def test_somebody_else_cannot_speak_for_it(self, site: Site, address: str):
        site = site_of(site.data_dir, doors=self.DOORS)
        async with client_of(site, address, **{"X-Forwarded-User": "bea"}) as web:
            assert (await web.get("/pipelines")).status_code == 401

    async def test_one_on_this_machine_makes_nobody_local(self, site: Site):
        site = site_of(site.data_dir, doors=Doors(proxy="127.0.0.1"))
        async with client_of(site) as web:
            assert (await web.get("/pipelines")).status_code == 401


class TestTooMuch:
    async def test_a_long_query_is_refused(self, site: Site):
        async with browsing(site) as web:
            answer = await web.get("/api/v1/audit?who=" + "x" * 20_000)

        assert answer.status_code == 414
        assert "16 KiB" in answer.json()["detail"]
        assert answer.json()["code"] == "INVALID_ARGUMENT"
        assert answer.json()["next_step"]

    @pytest.mark.parametrize("told", [True, False])
    async def test_a_large_body_is_refused(self, site: Site, told: bool):
        async def pieces():
            for _ in range(20):
                yield b"x" * 100_000

        async with operating(site) as web:
            body = b"x" * 2_000_000 if told else pieces()
            kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ORIGIN}
            answer = await web.post("/login", content=body, headers=kind)

        assert answer.status_code == 413
        assert "1024 KiB" in answer.text
        assert "send less at once" in answer.text

    async def test_who_has_access_is_no_change_and_still_needs_a_token(self, site: Site):
        async with browsing(site) as web:
            answers = [await web.get(f"/api/v1/{name}") for name in ("tokens", "sessions")]

        for answer in answers:
            assert answer.status_code == 401
            assert "seeing who has access needs a token" in answer.json()["detail"]

    @pytest.mark.parametrize("address", [REMOTE, "127.0.0.1"])
    async def test_who_tries_many_tokens_has_to_wait(self, site: Site, address: str):
        async with browsing(site, address, Authorization="Bearer assay_x") as web:
            tries = [(await web.get("/pipelines")).status_code for _ in range(11)]
            last = await web.get("/pipelines")
            right = await web.get("/pipelines", headers=await bearer(site))

        assert tries[:10] == [401] * 10
        assert (last.status_code, right.status_code) == (429, 200)
        assert 0 < int(last.headers["retry-after"]) <= 300
