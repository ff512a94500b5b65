"""A front end is opened under the origin it was written for, and only its own CORS faults count."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from analyzers.dynamic.tools.browser import Browser
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Parsed, ToolRun
from contract.analysis import Target
from tests.support.dynamic_apps import serving
from tests.support.load_run import quiet_host, scan_of, site_of

TOOLS = Path(__file__).parents[2] / ".tools"
HEAD = "<!doctype html><html lang=en><title>t</title><link rel=icon href=data:,><main><h1>h</h1>"
GET = "fetch('http://localhost:5000/api')"
POST = "fetch('http://localhost:5000/api', {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'})"  # noqa: E501
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@dataclass(slots=True)
class Backend:
    """An API that lets in one origin, and answers a preflight of any other with 400."""

    allowed: str
    origins: list[str] = field(default_factory=list[str])

    async def answer(self, request: web.Request) -> web.Response:
        origin = request.headers.get("Origin", "")
        self.origins.append(f"{request.method} {origin}")
        is_in = origin == self.allowed
        headers = {"Access-Control-Allow-Headers": "content-type"}
        headers |= {"Access-Control-Allow-Origin": origin} if is_in else {}
        status = 400 if request.method == "OPTIONS" and not is_in else 200
        return web.json_response([1], status=status, headers=headers)


@asynccontextmanager
async def front_and_back(
    folder: Path, allowed: str, script: str, published: tuple[int, ...] = (3000,)
) -> AsyncIterator[tuple[ToolRun, Backend]]:
    """A run of an app whose front end calls `localhost:5000`; neither has that port here."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=f"{HEAD}<script>{script}</script>", content_type="text/html")

    backend = Backend(allowed)
    back, front = web.Application(), web.Application()
    back.router.add_route("*", "/api", backend.answer)
    front.router.add_get("/", page)
    async with serving(back) as back_url, serving(front) as front_url:
        run = scan_of(folder, front_url)
        targets = (
            Target(service="api", base_url=back_url, published=(5000,), written_for=(8000,)),
            Target(
                service="web",
                base_url=front_url,
                role="frontend",
                published=published,
                written_for=(80,),
            ),
        )
        request = run.request.model_copy(update={"targets": targets})
        (run.source.root / "main.py").write_text(f'CORS(app, origins=["{allowed}"])\n')
        yield replace(run, request=request, source=list_source(run.source.root)), backend


async def look(run: ToolRun) -> Parsed:
    run = replace(run, tools_dir=TOOLS / "dynamic")
    return await Browser().run(run, Runner(run.workspace))


@pytest.mark.parametrize("script", [GET, POST])
async def test_a_front_end_that_only_its_own_origin_is_let_in_from(script: str, tmp_path: Path):
    async with front_and_back(tmp_path, "http://localhost:3000", script) as (run, backend):
        parsed = await look(run)

    assert [one.message for one in parsed.findings] == []
    assert "web opened as http://localhost:3000" in parsed.notes
    verb = "GET" if script == GET else "POST"
    assert f"{verb} http://localhost:3000" in backend.origins


@pytest.mark.parametrize("script", [GET, POST])
async def test_a_front_end_whose_own_cors_is_wrong_has_a_finding(script: str, tmp_path: Path):
    """Its compose file publishes 3000, and its back end lets in another origin."""
    async with front_and_back(tmp_path, "http://localhost:5173", script) as (run, _):
        parsed = await look(run)

    texts = [one.evidence for one in parsed.findings]
    assert any("blocked by CORS policy" in text for text in texts)
    assert any("/api" in text and "ERR_FAILED" in text for text in texts)


@pytest.mark.parametrize(
    ("allowed", "published"),
    [("http://127.0.0.1:3000", (3000,)), ("http://localhost:5173", ())],
)
async def test_a_cors_failure_that_our_own_origin_causes_is_none(
    allowed: str, published: tuple[int, ...], tmp_path: Path
):
    """Opened as its author may open it, it would not have failed; the app is asked."""
    async with front_and_back(tmp_path, allowed, POST, published) as (run, _):
        parsed = await look(run)

    assert [one.message for one in parsed.findings] == []
    (note,) = [one for one in parsed.notes if one.startswith("no finding")]
    assert f"localhost:5000 lets in {allowed}" in note


async def test_lighthouse_opens_the_same_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_host(monkeypatch)
    async with front_and_back(tmp_path, "http://localhost:3000", GET) as (run, backend):
        run = replace(run, tools_dir=TOOLS / "performance")
        parsed = await Lighthouse(site_of(run)).run(run, Runner(run.workspace))

    assert parsed.coverage.items == ("http://localhost:3000/",)
    assert "web opened as http://localhost:3000" in parsed.notes
    assert "GET http://localhost:3000" in backend.origins
