"""The load survey and its tools on small apps as people write them, and on variations of each.

Every app runs as a process of its own on 127.0.0.1; the load is a few requests.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.runtime.source import list_source
from analyzers.runtime.tool import AppFault, NotApplicable, Parsed, ToolFault, ToolRun
from contract.analysis import Target
from contract.spec import TemplateSpec
from tests.support.case_server import app_running
from tests.support.cases import case_app
from tests.support.load_run import figures, measure, quiet_host, run_of

Start = Callable[[str], AbstractAsyncContextManager[ToolRun]]

HANDLER = """
import json, secrets, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, kind, data, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
    def do_GET(self):
{body}

ThreadingHTTPServer(("0.0.0.0", 8000), Page).serve_forever()
"""


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


@pytest.fixture
def started(tmp_path: Path) -> Start:
    """Starts a case by its number, or an app whose `do_GET` is given; yields a run on it."""

    @asynccontextmanager
    async def start(app: str) -> AsyncIterator[ToolRun]:
        folder = case_app(app) if app.isalnum() else _written(tmp_path / "app", app)
        async with app_running(folder / "app.py") as url:
            run = run_of(tmp_path, url)
            yield replace(run, source=list_source(folder))

    return start


def _written(folder: Path, body: str) -> Path:
    folder.mkdir()
    text = "\n".join(f"        {line}" for line in body.strip().splitlines())
    (folder / "app.py").write_text(HANDLER.replace("{body}", text))
    return folder


def role(run: ToolRun, service: str, kind: str) -> ToolRun:
    """The same run, its only service named and taken for what a name suggests."""
    target = Target(service=service, base_url=run.request.targets[0].base_url, role=kind)
    return replace(run, request=run.request.model_copy(update={"targets": (target,)}))


def skipped(parsed: Parsed) -> dict[str, str]:
    return {one.what: one.reason for one in parsed.coverage.skipped}


async def test_a_back_end_named_web_is_loaded_for_what_it_serves(started: Start) -> None:
    async with started("19") as run:
        parsed = await measure(role(run, "web", "frontend"))

    assert parsed.coverage.items == ("GET /api/items", "GET /api/stats")
    assert skipped(parsed)["GET /"] == "404"


@pytest.mark.parametrize("root", ["405", "401", "403", "426", "404"])
async def test_a_root_that_refuses_is_no_failure(started: Start, root: str) -> None:
    body = f"""
if self.path == "/api/notes":
    self.reply(200, "application/json", b"[]")
elif self.path == "/":
    self.reply({root}, "text/plain", b"no")
else:
    self.reply(404, "text/plain", b"not found")
"""
    async with started(body) as run:
        parsed = await measure(run)

    assert parsed.coverage.items == ("GET /api/notes",)
    assert skipped(parsed)["GET /"].startswith(root)


async def test_pages_of_a_catch_all_are_not_loaded(started: Start) -> None:
    async with started("40") as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items
    assert not {"GET /boards", "GET /settings"} & set(parsed.coverage.items)
    assert skipped(parsed)["GET /boards"] == "same page as for an unknown path"


CATCH_ALLS = {
    "a clock in the shell": """
if self.path == "/api/items":
    self.reply(200, "application/json", b'[{"id": 1}]')
else:
    page = f"<title>Board</title><p>{time.time()}</p><a href=/boards>b</a><a href=/api/items>i</a>"
    self.reply(200, "text/html", page.encode())
""",
    "an echo of the path": """
if self.path == "/api/items":
    self.reply(200, "application/json", b'[{"id": 1}]')
else:
    page = f"<title>Board</title><p>you are at {self.path}</p><a href=/boards>b</a>"
    self.reply(200, "text/html", (page + "<a href=/api/items>i</a>").encode())
""",
    "redirects home": """
if self.path == "/api/items":
    self.reply(200, "application/json", b'[{"id": 1}]')
elif self.path == "/":
    links = b"<a href=/boards>b</a><a href=/api/items>i</a>"
    self.reply(200, "text/html", b"<title>Board</title>" + links)
else:
    self.reply(302, "text/plain", b"", Location="/")
""",
}


@pytest.mark.parametrize("kind", CATCH_ALLS)
async def test_catch_alls_of_other_kinds(started: Start, kind: str) -> None:
    async with started(CATCH_ALLS[kind]) as run:
        parsed = await measure(run)

    assert set(parsed.coverage.items) == {"GET /", "GET /api/items"}


async def test_an_app_behind_a_proxy_that_ends_tls_is_asked_as_the_proxy_asks(
    started: Start,
) -> None:
    async with started("41") as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items
    assert figures(parsed)["error_ratio"] == 0
    assert any("X-Forwarded-Proto: https" in note for note in parsed.notes)


@pytest.mark.parametrize(
    "where",
    [
        '"https://" + self.headers["Host"] + self.path',
        '"https://localhost:8443" + self.path',
        '"https://bank.example" + self.path',
    ],
)
async def test_what_only_redirects_to_https_is_not_measurable_and_no_failure(
    started: Start, where: str
) -> None:
    async with started(f"self.reply(301, 'text/plain', b'use https', Location={where})") as run:
        with pytest.raises(NotApplicable, match="not measurable over http") as fault:
            await measure(run)

    assert fault.value.row == "load-https-only"


async def test_a_base_path_is_found_where_the_app_names_it(started: Start) -> None:
    async with started("47") as run:
        parsed = await measure(run)

    assert "GET /shop/" in parsed.coverage.items
    assert "GET /shop/cart" in parsed.coverage.items
    assert skipped(parsed)["GET /"] == "404"


HIDDEN = """
if self.path.startswith("/sh" + "op"):
    self.reply(200, "text/html", b"<title>shop</title>")
else:
    self.reply(404, "text/plain", b"not found")
"""


async def test_a_base_path_that_nothing_names_is_our_gap(started: Start) -> None:
    async with started(HIDDEN) as run:
        with pytest.raises(ToolFault, match="only 404 seen") as fault:
            await measure(run)

    assert fault.value.row == "load-not-found"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", "Then open http://localhost:8000/shop/ in a browser."),
        ("Dockerfile", "HEALTHCHECK CMD curl -f http://127.0.0.1:8000/shop/ || exit 1"),
        ("web/main.ts", 'const shop = await fetch("/shop/")'),
        ("index.html", "<a href='http://localhost:8000/shop/'>shop</a>"),
    ],
)
async def test_files_of_an_app_name_its_base_path(
    tmp_path: Path, started: Start, file: str, text: str
) -> None:
    async with started(HIDDEN) as run:
        named = tmp_path / "app" / file
        named.parent.mkdir(exist_ok=True)
        named.write_text(text)
        parsed = await measure(replace(run, source=list_source(tmp_path / "app")))

    assert parsed.coverage.items == ("GET /shop/",)


async def test_a_rate_limit_is_a_result_and_no_failure(started: Start) -> None:
    async with started("50") as run:
        parsed = await measure(run_with(run, rates="20,40", step_s=5))

    seen = figures(parsed)
    assert seen["error_ratio"] == 0
    assert seen["requests_limited"] > 0
    assert seen["rate_limit_wait"] == 30
    assert 0 < seen["rate_limit"] < 10
    assert seen["censored"] == 1
    assert any("rate limit about" in note and "after 30 s" in note for note in parsed.notes)


def run_with(run: ToolRun, **options: object) -> ToolRun:
    """The same run with other options."""
    given = {**run.request.options, **options}
    return replace(run, request=run.request.model_copy(update={"options": given}))


LIMITS = {
    "told beforehand": """
Page.left = getattr(Page, "left", 60) - 1
extra = {"RateLimit_Policy": "60;w=60", "RateLimit_Remaining": str(max(Page.left, 0))}
extra |= {"RateLimit_Limit": "60", "RateLimit_Reset": "50"}
if Page.left < 0:
    self.reply(429, "text/plain", b"slow down", Retry_After="50", **extra)
else:
    self.reply(200, "text/plain", self.path.encode(), **extra)
""",
    "a date": """
Page.left = getattr(Page, "left", 60) - 1
if Page.left < 0:
    from email.utils import formatdate
    self.reply(429, "text/plain", b"slow", Retry_After=formatdate(time.time() + 50, usegmt=True))
else:
    self.reply(200, "text/plain", self.path.encode())
""",
    "epoch reset": """
Page.left = getattr(Page, "left", 60) - 1
if Page.left < 0:
    self.reply(429, "application/json", b"{}", X_RateLimit_Reset=str(int(time.time()) + 50),
               X_RateLimit_Limit="60", X_RateLimit_Remaining="0")
else:
    self.reply(200, "text/plain", self.path.encode())
""",
}


@pytest.mark.parametrize("kind", LIMITS)
async def test_limits_that_are_told_in_other_ways(started: Start, kind: str) -> None:
    async with started(LIMITS[kind]) as run:
        parsed = await measure(run_with(run, rates="40,80", step_s=2))

    seen = figures(parsed)
    assert seen["error_ratio"] == 0
    assert 45 <= seen["rate_limit_wait"] <= 50
    assert 0.5 <= seen["rate_limit"] <= 1.5
    assert seen["requests_all_steps"] < 70  # it ended, and did not spend more than there was


async def test_a_quota_that_is_told_is_left_to_what_follows(started: Start) -> None:
    async with started(LIMITS["told beforehand"]) as run:
        parsed = await measure(run_with(run, rates="40,80", step_s=2))

    assert figures(parsed)["requests_limited"] == 0
    assert any("rate limit about 1/s per client" in note for note in parsed.notes)


async def test_an_app_that_limits_everything_at_once_is_not_at_fault(started: Start) -> None:
    body = 'self.reply(429, "text/plain", b"later", Retry_After="3600")'
    async with started(body) as run:
        with pytest.raises(ToolFault, match=r"429 \(rate limit, again in 3600 s\)") as fault:
            await measure(run)

    assert fault.value.row == "load-rate-limited"


async def test_a_short_limit_is_waited_for(started: Start) -> None:
    body = """
Page.since = getattr(Page, "since", time.monotonic())
if time.monotonic() < Page.since + 1:
    self.reply(429, "text/plain", b"later", Retry_After="1")
else:
    self.reply(200, "text/plain", b"ok")
"""
    async with started(body) as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items


async def test_an_app_that_refuses_head_is_measured(started: Start) -> None:
    async with started("53") as run:
        parsed = await measure(run)

    assert parsed.coverage.items == ("GET /",)
    assert figures(parsed)["error_ratio"] == 0


async def test_a_warm_up_is_waited_for(started: Start) -> None:
    body = """
Page.since = getattr(Page, "since", time.monotonic())
if time.monotonic() < Page.since + 1:
    self.reply(503, "text/plain", b"migrations are running", Retry_After="1")
else:
    self.reply(200, "text/plain", b"ok")
"""
    async with started(body) as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items


LOGINS = {
    "everything 401": 'self.reply(401, "application/json", b"{}", WWW_Authenticate="Bearer")',
    "everything 403": 'self.reply(403, "text/plain", b"no")',
    "to a login page": """
if self.path.startswith("/login"):
    self.reply(200, "text/html", b"<form><input type=password name=p></form>")
else:
    self.reply(302, "text/plain", b"", Location="/login?next=" + self.path)
""",
}


@pytest.mark.parametrize("kind", LOGINS)
async def test_what_lies_behind_a_login_is_missing_data(started: Start, kind: str) -> None:
    async with started(LOGINS[kind]) as run:
        try:
            parsed = await measure(run)
        except ToolFault as fault:
            assert fault.row == "load-login"
        else:  # the login page itself can be asked for: then it alone is what was loaded
            assert parsed.coverage.items == ("GET /login",)
            assert "login" in skipped(parsed)["GET /"]


STATE_CHANGING = """
Page.asked = [*getattr(Page, "asked", []), self.path]
if self.path == "/asked":
    self.reply(200, "application/json", json.dumps(Page.asked).encode())
elif self.path == "/":
    links = ["/notes", "/init-db", "/reset", "/notes/1/delete", "/db?action=drop", "/log-out"]
    page = "".join(f"<a href='{link}'>{link}</a>" for link in links) + "<a href=/moved>m</a>"
    self.reply(200, "text/html", page.encode())
elif self.path == "/moved":
    self.reply(302, "text/plain", b"", Location="/seed")
elif self.path.startswith("/assay-"):
    self.reply(404, "text/plain", b"no")
else:
    self.reply(200, "text/plain", self.path.encode())
"""


async def test_what_changes_state_is_never_asked(started: Start) -> None:
    import json

    import httpx

    async with started(STATE_CHANGING) as run:
        parsed = await measure(run)
        url = run.request.targets[0].base_url
        async with httpx.AsyncClient(trust_env=False) as client:
            asked = json.loads((await client.get(f"{url}/asked")).content)

    assert {"GET /", "GET /notes"} <= set(parsed.coverage.items)
    bad = {"/init-db", "/reset", "/notes/1/delete", "/db?action=drop", "/log-out", "/seed"}
    assert not bad & set(asked)
    assert skipped(parsed)["GET /reset"] == "never loaded: its path says reset"
    assert skipped(parsed)["GET /moved"] == "302 to /seed"


ERRORS = ["500", "502", "503"]


@pytest.mark.parametrize("status", ERRORS)
async def test_server_errors_to_everything_are_the_apps(started: Start, status: str) -> None:
    async with started(f"self.reply({status}, 'text/plain', b'oops')") as run:
        with pytest.raises(AppFault, match=rf"GET / {status}") as fault:
            await measure(run)

    assert fault.value.row == "load-server-errors"


async def test_errors_beside_a_login_prove_nothing(started: Start) -> None:
    body = """
status = 401 if self.path == "/" else 500
self.reply(status, "text/plain", b"no")
"""
    template = TemplateSpec.model_validate(
        {"slug": "t", "endpoints": [{"method": "GET", "path": "/notes"}]}
    )
    async with started(body) as run:
        request = run.request.model_copy(update={"template": template})
        with pytest.raises(ToolFault) as fault:
            await measure(replace(run, request=request))

    assert fault.value.row == "load-nothing"


BODIES = {
    "3 MB": ("x" * 3_000_000, True),
    "11 MB": ("x" * 11_000_000, False),
}


@pytest.mark.parametrize("size", BODIES)
async def test_large_bodies_are_bounded_and_named(started: Start, size: str) -> None:
    text, is_loaded = BODIES[size]
    body = f"""
if self.path == "/download":
    self.reply(200, "application/octet-stream", b"x" * {len(text)})
elif self.path == "/":
    self.reply(200, "text/html", b"<a href=/download>d</a>")
else:
    self.reply(404, "text/plain", b"no")
"""
    async with started(body) as run:
        parsed = await measure(run_with(run, rates="5", step_s=0.4))

    assert ("GET /download" in parsed.coverage.items) is is_loaded
    if is_loaded:
        assert figures(parsed, "GET /download")["bytes_received"] >= len(text)
    else:
        assert skipped(parsed)["GET /download"] == "body above 10 MB"


async def test_a_front_end_that_only_passes_on_is_not_loaded_twice(
    tmp_path: Path, started: Start
) -> None:
    async with started("19") as run:
        url = run.request.targets[0].base_url
        targets = (
            Target(service="web", base_url=url, role="frontend"),
            Target(service="api", base_url=url, role="backend"),
        )
        parsed = await measure(
            replace(run, request=run.request.model_copy(update={"targets": targets}))
        )

    assert parsed.coverage.items == ("api GET /api/items", "api GET /api/stats")
    assert skipped(parsed)["web GET /api/items"] == "the same answer as of api, loaded there"
