"""The scanners of the dynamic analyzer as real processes: their canaries, and Chromium's limits."""

import json
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from analyzers.dynamic.tools import TOOLS
from analyzers.dynamic.tools.browser import CHROMIUM, PNG, PROGRAM
from analyzers.runtime.live.chromium import chromium_switches
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.live.origins import origins_of
from analyzers.runtime.measure.canary_check import CanaryCheck
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.process.runner import Runner
from contract.analysis import Target
from contract.analyzers import AnalyzerKind
from contract.attached import SCREENSHOTS
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import measure, missed, rules, run_over

INSTALLED = Path(__file__).parents[2] / ".tools" / "dynamic"
HEAD = "<!doctype html><html lang=en><title>t</title><main><h1>h</h1>"
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["wapiti", "schemathesis", "browser"])
async def test_scanner_sees_its_canary_in_a_deep_folder(name: str, tmp_path: Path):
    tool = next(one for one in TOOLS if one.name == name)
    deep = tmp_path / ("d" * 100)  # Chromium aborts where a socket's path gets too long
    deep.mkdir()
    check = CanaryCheck(AnalyzerKind.DYNAMIC, INSTALLED, deep, CpuBudget(2))

    verdict = await check.look(tool, await check.version(tool))

    assert (verdict.reason, verdict.ok) == ("", True)
    assert any(char.isdigit() for char in verdict.version)


async def test_one_page_that_never_rests_harms_no_other(tmp_path: Path):
    app = web.Application()
    app.router.add_get("/", page("<script>setTimeout(() => { for (;;); }, 0)</script>"))
    app.router.add_get("/calm", page("<img src=/calm>"))
    async with serving(app) as url:
        rows = await browse(tmp_path, url, paths=("/", "/calm"), page_limit_s=12)

    assert rows["/"]["violations"] is None
    assert rows["/"]["error"]
    assert [one["id"] for one in rows["/calm"]["violations"]] == ["image-alt"]


async def test_each_page_that_was_seen_has_a_picture(tmp_path: Path):
    app = web.Application()
    app.router.add_get("/", page("<a href=/calm>calm</a><img src=/x.png>"))
    app.router.add_get("/calm", page("<p>calm"))
    kept: dict[str, bytes] = {}
    async with serving(app) as url:
        run = replace(run_over(url, tmp_path), attach=kept.__setitem__)
        report = (await measure(run, "discovery", "browser"))["browser"]

    shown = {row["path"]: row["name"] for row in report.data[SCREENSHOTS]}
    assert shown == {"/": "app.png", "/calm": "app-2.png"}
    assert all(kept[name].startswith(PNG) for name in shown.values())


async def test_pages_are_seen_with_the_session(tmp_path: Path):
    async def show(request: web.Request) -> web.Response:
        if request.cookies.get("session") != "s3" or "Authorization" not in request.headers:
            raise web.HTTPFound("/login")
        return await page("in")(request)

    app = web.Application()
    app.router.add_get("/notes", show)
    app.router.add_get("/login", page("please"))
    headers = {"Cookie": "session=s3", "Authorization": "Bearer t"}
    async with serving(app) as url:
        inside = await browse(tmp_path, url, paths=("/notes",), headers=headers)
        outside = await browse(tmp_path, url, paths=("/notes",))

    assert inside["/notes"]["final"] == f"{url}/notes"
    assert outside["/notes"]["final"] == f"{url}/login"


async def test_a_session_is_no_obstacle_between_front_end_and_back_end(tmp_path: Path):
    async def data(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(text="1", headers={"Access-Control-Allow-Origin": "*"})

    seen = list[str]()
    backend, frontend = web.Application(), web.Application()
    backend.router.add_get("/data", data)  # and no answer to a preflight
    async with serving(backend) as back:
        frontend.router.add_get("/", page(f"<script>fetch('{back}/data')</script>"))
        async with serving(frontend) as front:
            headers = {"Authorization": "Bearer t"}
            rows = await browse(tmp_path, front, back, headers=headers)

    assert [one for one in rows["/"]["events"] if "favicon" not in one["url"]] == []
    assert seen == ["Bearer t"]


@pytest.mark.parametrize("how", ["redirect", "script"])
async def test_a_page_that_leaves_the_app_was_not_looked_at(how: str, tmp_path: Path):
    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:9/elsewhere")

    app = web.Application()
    script = "<script>location = 'http://127.0.0.1:9/elsewhere'</script>"
    app.router.add_get("/", away if how == "redirect" else page(script))
    app.router.add_get("/own", page("<p>own</p>"))
    async with serving(app) as url:
        rows = await browse(tmp_path, url, paths=("/", "/own"))

    assert rows["/"]["violations"] is None
    assert "http://127.0.0.1:9" in rows["/"]["error"]
    assert "not the app's" in rows["/"]["error"]
    assert rows["/own"]["violations"] == []


async def test_mixed_content_is_seen_whether_stopped_here_or_by_the_browser(
    tmp_path: Path, certificate: ssl.SSLContext
):
    app = web.Application()
    here, there = "http://127.0.0.1:9/here.js", "http://assay.invalid/there.js"
    app.router.add_get("/", page(f"<script src={here}></script><script src={there}></script>"))
    async with serving(app, certificate) as url:
        rows = await browse(tmp_path, url)

    mixed = {one["url"] for one in rows["/"]["events"] if one["kind"] == "mixed-content"}
    assert mixed == {here, there}


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=app"
    files = ("-keyout", str(key), "-out", str(chain))
    subprocess.run([*line.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


def page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=HEAD + text, content_type="text/html")

    return show


async def browse(
    workspace: Path, *urls: str, paths: tuple[str, ...] = ("/",), **more: Any
) -> dict[str, dict[str, Any]]:
    """What the browser program says of each page of the first of `urls`."""
    axe = (INSTALLED / "node_modules" / "axe-core" / "axe.min.js").read_text()
    origins = origins_of([Target(service=url, base_url=url) for url in urls])
    job = {"base_url": urls[0], "paths": paths, "origins": origins.allowed, "headers": {}}
    limits = {"limit_s": 120, "page_limit_s": 40, "screenshots": [], "axe": axe}
    names = {"chromium": str(CHROMIUM), "cookie_urls": origins.cookie_urls}
    python, tools = INSTALLED.resolve() / "venv/bin/python", INSTALLED.resolve()
    box = Confinement(workspace, origins.routes, (python, CHROMIUM), (PROGRAM, tools))
    line = (str(python), "-I", str(PROGRAM), *chromium_switches(origins))
    text = json.dumps({**job, **limits, **names, **more})
    done = await Runner(workspace)(box.command(line, stdin=text.encode()))
    return {row["path"]: row for row in json.loads(done.stdout)["pages"]}


async def test_wapiti_finds_what_one_page_stores_and_another_shows(tmp_path: Path):
    told: list[str] = []

    async def book(_request: web.Request) -> web.Response:
        form = "<form method=post action=/sign><input name=text><input type=submit></form>"
        rows = "".join(f"<li>{one}</li>" for one in told[-60:])
        return await page(f"{form}<ul>{rows}</ul>")(_request)

    async def sign(request: web.Request) -> web.Response:
        told.append(str((await request.post()).get("text", "")))
        raise web.HTTPFound("/")

    app = web.Application()
    app.router.add_get("/", book)
    app.router.add_post("/sign", sign)
    async with serving(app) as url:
        run = run_over(url, tmp_path, wapiti_limit_s=60)
        report = (await measure(run, "wapiti"))["wapiti"]

    assert "stored-cross-site-scripting POST /sign" in rules(report)
    assert "permanentxss" in report.notes[0]
    assert not [why for what, why in missed(report).items() if what.endswith("permanentxss")]
