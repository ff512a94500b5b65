"""Only answers that can be what was asked for count: fallbacks, https, base paths, quotas."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from analyzers.dynamic import http, quota
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.http import BoundedClient
from analyzers.runtime.live.answers import Unseen
from analyzers.runtime.tool import AppFault, NotApplicable, ToolFault
from contract.analysis import Target
from tests.support.cases import case_app
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import (
    html,
    measure,
    missed,
    rules,
    run_over,
    serving_case,
)

READERS = ("discovery", "http-headers", "exposed-files", "error-pages")
SHELL = "<div id=root></div><a href=/boards>Boards</a><a href=/settings>Settings</a>"
Handler = Callable[[web.Request], web.Response]


def app_of(answer: Handler, *, head: int | None = None) -> web.Application:
    """An app that answers every request with `answer`; HEAD with a status of its own."""

    async def handle(request: web.Request) -> web.Response:
        if request.method == "HEAD" and head is not None:
            return web.Response(status=head)
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


# ---- a single-page app answers every path


def csrf_meta(request: web.Request) -> web.Response:
    token = secrets.token_urlsafe(24)
    return html(f"<meta name=csrf-token content='{token}'>{SHELL}", Set_Cookie=f"csrf={token}")


def rendered_at(request: web.Request) -> web.Response:
    link = f"<link rel=canonical href='http://{request.host}{request.path}'>"
    return html(f"{link}<title>{request.path[1:]}</title>{SHELL}<p>rendered at {time.time()}")


def typed_by_name(request: web.Request) -> web.Response:
    plain = "." in request.path
    nonce = secrets.token_hex(8)
    return web.Response(
        text=f"<script nonce={nonce}>boot('{nonce}')</script>{SHELL}",
        content_type="text/plain" if plain else "text/html",
    )


async def see_nothing_but_the_shell(url: str, folder: Path, source: Path | None = None) -> None:
    reports = await measure(run_over(url, folder, source), *READERS)

    assert reports["exposed-files"].findings == ()
    assert reports["exposed-files"].coverage.items == ("app GET /",)
    for name in READERS:
        assert not {"app GET /boards", "app GET /settings"} & set(reports[name].coverage.items)
        assert "app GET /" in reports[name].coverage.items
    why = missed(reports["discovery"])["app GET /boards"]
    assert why.startswith(Unseen.LIKE_RANDOM)
    coverage = reports["exposed-files"].coverage
    assert coverage.skipped_total > 50
    assert coverage.given == coverage.reached + coverage.skipped_total


async def test_case_spa_with_a_nonce(tmp_path: Path):
    async with serving_case("40") as url:
        await see_nothing_but_the_shell(url, tmp_path, case_app("40"))


@pytest.mark.parametrize("answer", [csrf_meta, rendered_at, typed_by_name])
async def test_fallback_pages_are_no_pages(answer: Handler, tmp_path: Path):
    async with serving(app_of(answer)) as url:
        await see_nothing_but_the_shell(url, tmp_path)


async def test_a_file_beside_a_fallback_is_found(tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        if request.path == "/.env":
            return web.Response(text="SECRET_KEY=abc\n")
        return csrf_meta(request)

    async with serving(app_of(answer)) as url:
        report = (await measure(run_over(url, tmp_path), "exposed-files"))["exposed-files"]

    assert rules(report) == {"exposed-secret-file GET /.env"}


async def test_empty_lists_and_pages_of_one_template_count(tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        frame = "<nav><a href=/notes>n</a><a href=/tags>t</a><a href=/api/x>a</a></nav>{}<footer>f"
        known = {"/": "Home", "/notes": "Nothing here yet", "/tags": "No tags yet"}
        if request.path == "/api/x":
            return web.json_response([])
        return html(frame.format(known.get(request.path, "Nothing was found")))

    async with serving(app_of(answer)) as url:
        report = (await measure(run_over(url, tmp_path), "discovery"))["discovery"]

    assert {"app GET /", "app GET /notes", "app GET /tags", "app GET /api/x"} <= set(
        report.coverage.items
    )


# ---- plain http only redirects to https


async def test_case_https_redirect(tmp_path: Path):
    async with serving_case("41") as url:
        reports = await measure(run_over(url, tmp_path, case_app("41")), *READERS)

    for name in READERS:
        assert "app GET /" in reports[name].coverage.items
        assert any("as a proxy" in note for note in reports[name].notes)
    assert "missing-csp GET /" in rules(reports["http-headers"])


@pytest.mark.parametrize("where", ["https://{host}{path}", "https://localhost{path}"])
@pytest.mark.parametrize("status", [301, 307, 308])
async def test_an_app_behind_a_proxy_is_asked_as_one(where: str, status: int, tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        if request.headers.get("X-Forwarded-Proto") != "https":
            location = where.format(host=request.host, path=request.path)
            return web.Response(status=status, headers={"Location": location})
        if request.path == "/old":
            return web.Response(status=302, headers={"Location": f"https://{request.host}/new"})
        known = {"/": "<a href=/old>o</a>", "/new": "new"}
        return html(known.get(request.path, "?"), 200 if request.path in known else 404)

    async with serving(app_of(answer)) as url:
        report = (await measure(run_over(url, tmp_path), "discovery"))["discovery"]

    assert {"app GET /", "app GET /old", "app GET /new"} <= set(report.coverage.items)


@pytest.mark.parametrize("name", READERS)
async def test_an_app_that_wants_real_https_is_not_measurable(name: str, tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": f"https://{request.host}/"})

    async with serving(app_of(answer)) as url:
        with pytest.raises(ToolFault, match="not measurable over http"):
            await measure(run_over(url, tmp_path), name)


async def test_one_page_that_leaves_for_https_is_named(tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        if request.path == "/pay":
            return web.Response(status=302, headers={"Location": "https://pay.example.com/"})
        return html("<a href=/pay>p</a>", 200 if request.path == "/" else 404)

    async with serving(app_of(answer)) as url:
        report = (await measure(run_over(url, tmp_path), "discovery"))["discovery"]

    assert report.coverage.items == ("app GET /",)
    assert missed(report)["app GET /pay"].startswith(Unseen.TO_OTHER_ORIGIN)


# ---- the app begins elsewhere than at /


async def test_case_base_path(tmp_path: Path):
    async with serving_case("47") as url:
        reports = await measure(run_over(url, tmp_path, case_app("47")), *READERS)

    for name in ("discovery", "http-headers", "error-pages"):
        assert {"app GET /shop/", "app GET /shop/cart"} <= set(reports[name].coverage.items)
    assert "app begins at /shop/" in reports["discovery"].notes


@pytest.mark.parametrize(
    ("file", "text", "base"),
    [
        ("README.md", "Open http://localhost:5000/portal/ in a browser.", "/portal/"),
        ("docs/run.md", "curl http://127.0.0.1:8080/inventory/list", "/inventory/list"),
        ("vite.config.js", "export default { base: '/board/', plugins: [] }", "/board/"),
        ("nginx.conf", "server {\n  location /site/ {\n    root /x;\n  }\n}", "/site/"),
        ("package.json", '{"homepage": "https://me.example.com/tracker/"}', "/tracker/"),
        ("notes.txt", "nothing", "/app/"),
        ("notes.txt", "nothing", "/dashboard"),
    ],
)
async def test_where_an_app_begins(file: str, text: str, base: str, tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        shown = {base: f"<a href={base.rstrip('/')}/more>m</a>", f"{base.rstrip('/')}/more": "more"}
        return html(shown.get(request.path, "?"), 200 if request.path in shown else 404)

    source = tmp_path / "app"
    (source / file).parent.mkdir(parents=True)
    (source / file).write_text(text)
    async with serving(app_of(answer)) as url:
        reports = await measure(run_over(url, tmp_path, source), "discovery", "http-headers")

    for report in reports.values():
        assert {f"app GET {base}", f"app GET {base.rstrip('/')}/more"} <= set(report.coverage.items)


@pytest.mark.parametrize("name", ["discovery", "http-headers", "error-pages"])
async def test_only_404_is_said_and_blames_nobody(name: str, tmp_path: Path):
    async with serving(app_of(lambda _: html("not found", 404))) as url:
        with pytest.raises(ToolFault, match="only 404 seen"):
            await measure(run_over(url, tmp_path), name)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_one_refusal_for_everything_is_no_look(status: int, tmp_path: Path):
    async with serving(app_of(lambda _: html("no", status))) as url:
        with pytest.raises((ToolFault, NotApplicable)):
            await measure(run_over(url, tmp_path), "discovery")


# ---- quotas


class Limited:
    """Grants `limit` answers per window; everything else is refused with `refusal`."""

    def __init__(self, limit: int, window_s: float, refusal: Callable[[], web.Response]):
        self.limit, self.window_s, self.refusal = limit, window_s, refusal
        self.seen = list[float]()

    def __call__(self, request: web.Request) -> web.Response:
        now = time.monotonic()
        self.seen = [one for one in self.seen if one > now - self.window_s]
        if len(self.seen) >= self.limit:
            return self.refusal()
        self.seen.append(now)
        links = "".join(f"<a href=/page/{word}>x</a>" for word in ("ash", "elm", "oak"))
        name = request.path.rpartition("/")[2]
        known = request.path == "/" or name in {"ash", "elm", "oak"}
        return html(f"{links} {name}", 200 if known else 404)


@pytest.mark.parametrize(
    "refusal",
    [
        lambda: web.Response(status=429, headers={"Retry-After": "1"}),
        lambda: web.Response(status=429),
        lambda: web.Response(status=503, headers={"Retry-After": "1"}),
        lambda: web.Response(status=403, headers={"X-RateLimit-Remaining": "0"}),
    ],
)
async def test_the_scan_waits_for_a_quota_and_names_it(
    refusal: Callable[[], web.Response], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quota, "FIRST_PAUSE_S", 0.3)
    async with serving(app_of(Limited(30, 1.0, refusal))) as url:
        reports = await measure(run_over(url, tmp_path), "discovery", "exposed-files")

    pages = {f"app GET /page/{word}" for word in ("ash", "elm", "oak")}
    assert pages <= set(reports["discovery"].coverage.items)
    exposed = reports["exposed-files"]
    assert exposed.coverage.skipped_total == 0
    assert any("rate limited" in note for note in exposed.notes)
    assert exposed.data["rate_limits"]["app"]["answered_before"] >= 20


async def test_a_quota_that_does_not_return_is_missing_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quota, "FIRST_PAUSE_S", 0.1)
    spent = Limited(35, 900, lambda: web.Response(status=429, headers={"Retry-After": "600"}))
    async with serving(app_of(spent)) as url:
        run = run_over(url, tmp_path, exposed_files_limit_s=2)
        reports = await measure(run, "discovery", "exposed-files")
        with pytest.raises(ToolFault, match="rate limited"):
            await measure(run, "http-headers")

    coverage = reports["exposed-files"].coverage
    assert 0 < coverage.reached <= 35
    assert coverage.skipped_total > 20
    assert all(one.reason.startswith(Unseen.RATE_LIMITED) for one in coverage.skipped)


async def test_inputs_are_not_called_absent_where_a_quota_hid_pages(tmp_path: Path):
    spent = Limited(6, 900, lambda: web.Response(status=429, headers={"Retry-After": "600"}))
    async with serving(app_of(spent)) as url:
        run = run_over(url, tmp_path)
        await measure(run, "discovery")
        for name in ("injection", "access-control"):
            with pytest.raises(ToolFault, match=r"routes could not be read: .*rate limited"):
                await measure(run, name)


async def test_case_rate_limit(tmp_path: Path):
    """What a load test left of the quota is no look, and waiting for it ends with the budget."""
    async with serving_case("50") as url:
        run = run_over(url, tmp_path, case_app("50"), http_headers_limit_s=2)
        first = await measure(run, "discovery")
        target = Target(service="app", base_url=url)
        async with BoundedClient(target, Budget()) as client:
            statuses = [await client.send("GET", "/", patient=False) for _ in range(100)]
        assert {one.status for one in statuses if one} == {200, 429}
        with pytest.raises(ToolFault, match="rate limited"):
            await measure(run, "http-headers")

    assert first["discovery"].coverage.items == ("app GET /",)


# ---- HEAD


async def test_case_head_405(tmp_path: Path):
    async with serving_case("53") as url:
        reports = await measure(run_over(url, tmp_path, case_app("53")), *READERS)

    assert all("app GET /" in report.coverage.items for report in reports.values())


@pytest.mark.parametrize("head", [405, 501, 404])
async def test_no_tool_depends_on_head(head: int, tmp_path: Path):
    def answer(request: web.Request) -> web.Response:
        return html("home", 200 if request.path == "/" else 404)

    async with serving(app_of(answer, head=head)) as url:
        reports = await measure(run_over(url, tmp_path), *READERS)

    assert all("app GET /" in report.coverage.items for report in reports.values())


# ---- bodies


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Encoding": "br"}, b"\x1b\x0a\x80page\x03"),
        ({"Content-Encoding": "zstd"}, b"\x28\xb5\x2f\xfd page"),
        ({"Content-Type": "text/html; charset=klingon"}, b"<p>page"),
        ({}, b"<p>page " * 100_000),
    ],
)
async def test_what_cannot_be_read_is_not_looked_at(
    headers: dict[str, str], body: bytes, tmp_path: Path
):
    def answer(request: web.Request) -> web.Response:
        if request.path == "/odd":
            return web.Response(body=body, headers={"Content-Type": "text/html", **headers})
        return html("<a href=/odd>o</a>", 200 if request.path == "/" else 404)

    async with serving(app_of(answer)) as url:
        report = (await measure(run_over(url, tmp_path), "discovery"))["discovery"]

    assert report.coverage.items == ("app GET /",)
    why = missed(report)["app GET /odd"]
    assert why.startswith(Unseen.CAPPED if len(body) > 1_000 else Unseen.UNREADABLE)


async def test_an_app_that_is_silent_is_slow_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "REQUEST_DEADLINE_S", 0.2)
    app, never = web.Application(), asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        await never.wait()
        return html("late")

    app.router.add_get("/", wait)
    async with serving(app) as url:
        with pytest.raises(ToolFault, match="no complete answer within") as told:
            await measure(run_over(url, tmp_path), "exposed-files")
        never.set()

    assert told.value.row == "scan-silent"


async def test_an_app_that_refuses_every_connection_is_gone(tmp_path: Path):
    async with serving(web.Application()) as url:
        pass
    with pytest.raises(AppFault, match="does not answer before") as told:
        await measure(run_over(url, tmp_path), "exposed-files")

    assert told.value.row == "scan-died"
