"""What of an app is loaded and audited, over real sockets, and the second generator."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from analyzers.performance import isolation, operations
from analyzers.performance.canary import LOAD_CANARY
from analyzers.performance.host import HostLoad
from analyzers.performance.site import Site
from analyzers.performance.tools import lighthouse
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.runtime.runner import Runner
from analyzers.runtime.tool import (
    AppFault,
    Command,
    Completed,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.spec import Endpoint, TemplateSpec
from tests.support.load_run import (
    figures,
    measure,
    quiet_host,
    run_of,
    site_of,
)
from tests.support.load_server import LoadServer, serving

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


async def test_only_operations_that_answer_2xx_are_loaded(tmp_path: Path) -> None:
    template = TemplateSpec(
        slug="t",
        endpoints=tuple(
            Endpoint(method="GET", path=path) for path in ("/notes", "/secret", "/gone", "/moved")
        ),
    )
    routes = {"/": (200, 0.0), "/notes": (200, 0.0), "/secret": (401, 0.0), "/moved": (302, 0.0)}
    server = LoadServer(routes=routes)
    async with serving(server):
        parsed = await measure(run_of(tmp_path, server.url, template))

    assert set(parsed.coverage.items) == {"GET /", "GET /notes"}
    reasons = {one.what: one.reason for one in parsed.coverage.skipped}
    assert reasons == {"GET /secret": "401", "GET /gone": "404"}
    assert server.hits["/moved"] == 1  # its redirect led to what is loaded already
    assert server.hits["/secret"] == 1
    assert not figures(parsed, "GET /secret")


async def test_an_app_of_errors_is_a_fault_of_the_app(tmp_path: Path) -> None:
    async with serving(LoadServer(routes={"/": (500, 0.0)})) as server:
        with pytest.raises(AppFault, match=r"every endpoint answered non-2xx: GET / 500"):
            await measure(run_of(tmp_path, server.url))

    assert server.hits["/"] == 2  # asked again when the host was calm


async def test_an_endless_answer_is_bounded_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await asyncio.sleep(0.05)

    monkeypatch.setattr(operations, "WHOLE_S", 0.3)
    server = LoadServer()
    server.answer = drip  # type: ignore[method-assign]
    async with serving(server):
        with pytest.raises(ToolFault, match="GET / no end of the answer"):
            await measure(run_of(tmp_path, server.url))


async def audit(run: ToolRun, monkeypatch: pytest.MonkeyPatch, role: str = "backend") -> Parsed:
    """Lighthouse with a recorded report in place of the browser."""
    monkeypatch.setattr(lighthouse, "_browser", lambda: "chromium")
    report = (FIXTURES / "lighthouse/page.json").read_bytes()

    async def execute(command: Command) -> Completed:
        return Completed(command.argv, 0, b"", b"", report, 1.0)

    target = run.request.targets[0].model_copy(update={"role": role})
    request = run.request.model_copy(update={"targets": (target,)})
    return await Lighthouse(site_of(run)).run(replace(run, request=request), execute)


async def test_lighthouse_is_for_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(LoadServer(content_type="application/json")) as server:
        with pytest.raises(NotApplicable, match="no service serves HTML"):
            await audit(run_of(tmp_path, server.url), monkeypatch)

        server.routes["/"] = (500, 0.0)
        for role in ("frontend", "backend"):
            with pytest.raises(AppFault, match="non-2xx: app GET / 500"):
                await audit(run_of(tmp_path, server.url), monkeypatch, role)


@pytest.mark.parametrize("role", ["frontend", "backend"])
async def test_a_page_behind_a_redirect_is_audited_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    routes = {"/": (302, 0.0), "/login": (200, 0.0)}
    server = LoadServer(routes=routes, content_type="text/html", location="/login")
    async with serving(server):
        parsed = await audit(run_of(tmp_path, server.url), monkeypatch, role)

    assert parsed.coverage.items == (f"{server.url}/login",)
    assert figures(parsed, "GET /login")["lighthouse_seo"] > 0
    assert figures(parsed, "GET /login")["contended"] == 0


@pytest.mark.parametrize("location", ["/", "http://127.0.0.1:9/elsewhere"])
async def test_redirects_for_ever_and_to_other_origins_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    server = LoadServer(routes={"/": (302, 0.0)}, content_type="text/html", location=location)
    async with serving(server):
        with pytest.raises(ToolFault, match="GET / 302 to"):
            await audit(run_of(tmp_path, server.url), monkeypatch, role="frontend")

    assert server.hits["/"] <= 12


async def test_what_a_served_openapi_document_declares_is_loaded(tmp_path: Path) -> None:
    document = b'{"openapi": "3.0.0", "paths": {"/notes": {"get": {}}}}'
    routes = {"/": (200, 0.0), "/openapi.json": (200, 0.0), "/notes": (200, 0.0)}
    async with serving(LoadServer(routes=routes, bodies={"/openapi.json": document})) as server:
        parsed = await measure(run_of(tmp_path, server.url))

    assert parsed.coverage.items == ("GET /notes", "GET /")


async def test_the_whole_survey_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "SURVEY_S", 0.5)
    template = TemplateSpec(
        slug="t", endpoints=tuple(Endpoint(method="GET", path=f"/{one}") for one in range(20))
    )
    routes = {"/": (200, 0.0), **{f"/{one}": (200, 0.3) for one in range(20)}}
    async with serving(LoadServer(routes=routes)) as server:
        parsed = await measure(run_of(tmp_path, server.url, template, max_endpoints=1))

    reasons = [one.reason for one in parsed.coverage.skipped]
    assert "not asked: the survey's 0.5 s were over" in reasons


LOADTEST = b"""
Completed requests:  120
Total errors:        0
Mean latency:        2.9 ms
Effective rps:       40

  50%      2 ms
  90%      6 ms
  95%      9 ms
  99%      18 ms
 100%      29 ms (longest request)
"""


async def test_the_second_generator_runs_at_a_rate_the_first_one_held(tmp_path: Path) -> None:
    argv: list[str] = []

    async def execute(command: Command) -> Completed:
        argv.extend(command.argv)
        return Completed(command.argv, 0, LOADTEST, b"", b"", 1.0)

    slow = LoadServer(routes={"/": (200, 0.1)})
    async with serving(slow):
        run = run_of(tmp_path, slow.url, rates="30", step_s=1, check_rate=50)
        await measure(run)
        parsed = await LoadTest(site_of(run)).run(run, execute)

    assert argv[argv.index("--rps") + 1] == "30"
    assert figures(parsed)["cross_check_deviates"] == 1
    assert any("latency_p50 2 by loadtest" in note for note in parsed.notes)
    assert figures(parsed)["contended"] == 0


async def test_a_busy_host_flags_whatever_tool_measured_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stays_busy(*_: object) -> bool:
        return False

    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    monkeypatch.setattr(isolation, "wait_until_calm", stays_busy)
    async with serving(LoadServer(content_type="text/html")) as server:
        parsed = await audit(run_of(tmp_path, server.url), monkeypatch)

    assert figures(parsed)["contended"] == 1
    assert parsed.fresh_for == timedelta(0)
    assert any("under contention: steal 40%" in note for note in parsed.notes)


async def test_the_generators_canary_proves_its_percentiles(tmp_path: Path) -> None:
    run = run_of(tmp_path, "http://127.0.0.1:9")
    for name, content in LOAD_CANARY.files.items():
        (run.source.root / name).write_text(content)

    seen = figures(await measure(run))
    assert seen["latency_p50"] < seen["latency_p95"]


async def test_a_generator_that_is_not_installed_names_the_next_step(tmp_path: Path) -> None:
    run = run_of(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(ToolFault, match=r"run analyzers/install\.sh performance"):
        await LoadTest(Site()).version(run, Runner(run.workspace))


async def test_an_unreachable_target_is_no_fault_of_the_app(tmp_path: Path) -> None:
    async with serving(LoadServer()) as server:
        url = server.url
    with pytest.raises(ToolFault, match="cannot reach the app"):
        await measure(run_of(tmp_path, url))
