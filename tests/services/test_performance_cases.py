"""What of small apps is loaded, as people write them and on variations: which paths, by which name.

Every app runs as a process of its own on 127.0.0.1; the load is a few requests.
"""

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import ToolFault
from contract.analysis import Target
from tests.support.load_run import figures, quiet_host
from tests.support.load_run import measure_near as measure
from tests.support.written_apps import Start, role, skipped, starter


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


@pytest.fixture
def started(tmp_path: Path) -> Start:
    return starter(tmp_path)


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
        with pytest.raises(ToolFault, match="not measurable over http") as fault:
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
