"""What of an app is loaded and audited, over real sockets, and the second generator."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzers.performance import isolation, operations
from analyzers.performance.host import HostLoad
from analyzers.performance.openloop.limits import RateLimit
from analyzers.performance.openloop.plan import LoadResult
from analyzers.performance.operations import Operation
from analyzers.performance.shared import hand_on
from analyzers.performance.site import Site
from analyzers.performance.tools import lighthouse
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import (
    AppFault,
    Command,
    Completed,
    NotApplicable,
    Parsed,
    SourceTree,
    ToolFault,
    ToolRun,
)
from contract.template import Endpoint, TemplateSpec
from tests.support.load_run import figures, quiet_host, run_of, site_of
from tests.support.load_run import measure_near as measure
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


NO_PAINT = b'{"categories": {}, "audits": {}, "runtimeError": {"code": "NO_FCP", "message": ""}}'


async def audit(
    run: ToolRun, monkeypatch: pytest.MonkeyPatch, role: str = "backend", report: bytes = b""
) -> Parsed:
    """Lighthouse with a recorded report in place of the browser."""
    monkeypatch.setattr(lighthouse, "_browser", lambda: "chromium")
    report = report or (FIXTURES / "lighthouse/page.json").read_bytes()

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


@pytest.mark.parametrize(
    ("refused", "fault"),
    [
        ({"cdn.example:443": 2}, ToolFault),
        ({}, AppFault),
        ({"update.googleapis.com:443": 1}, AppFault),  # asked for by Chromium itself
    ],
)
async def test_a_page_without_what_is_not_let_through_proves_nothing(
    refused: dict[str, int],
    fault: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its scripts may come from elsewhere where it was written for."""
    monkeypatch.setattr(lighthouse, "_browser", lambda: "chromium")
    held = {"held": "namespace", "failed": {}, "sandbox": True, "served": {}, "refused": refused}

    async def execute(command: Command) -> Completed:
        (job,) = [word for word in command.argv if word.endswith(".job.json")]
        Path(json.loads(Path(job).read_bytes())["report"]).write_text(json.dumps(held))
        return Completed(command.argv, 1, b"", b"", NO_PAINT, 1.0)

    async with serving(LoadServer(content_type="text/html", bodies={"/": SCRIPTED})) as server:
        run = run_of(tmp_path, server.url)
        with pytest.raises(
            fault, match="cdn.example" if fault is ToolFault else "lighthouse"
        ) as caught:
            await Lighthouse(site_of(run)).run(run, execute)

    assert type(caught.value) is fault


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


@pytest.mark.parametrize(
    ("status", "row"),
    [(429, "load-rate-limited"), (403, "load-nothing"), (500, "page-broken"), (503, "page-broken")],
)
async def test_a_page_that_is_refused_by_now_is_no_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, row: str
) -> None:
    async def calm(*_: object) -> bool:
        return True

    monkeypatch.setattr(lighthouse, "wait_until_calm", calm)
    monkeypatch.setattr(Confinement, "held", lambda *_: SimpleNamespace(refusals=""))
    said = f"the server is to respond to all requests. (Status code: {status})"
    error = {"code": "ERRORED_DOCUMENT_REQUEST", "message": said}
    report = json.dumps({"categories": {}, "audits": {}, "runtimeError": error}).encode()
    async with serving(LoadServer(content_type="text/html")) as server:
        with pytest.raises((AppFault, NotApplicable, ToolFault)) as fault:
            await audit(run_of(tmp_path, server.url), monkeypatch, report=report)

    assert fault.value.row == row
    assert isinstance(fault.value, AppFault) is (row == "page-broken")


SCRIPTED = b"<!doctype html><div id=root></div><script src=/app.js></script>"


@pytest.mark.parametrize(
    ("body", "refused", "calm", "row"),
    [
        (SCRIPTED, "1 request to cdn.example", True, "page-needs-outside"),
        (SCRIPTED, "", True, "page-broken"),
        (SCRIPTED, "", False, "page-slow"),
        (b"<title>Plant Diary</title>", "", True, "page-empty"),
    ],
)
async def test_whose_fault_a_page_is_that_stays_blank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, refused: str, calm: bool, row: str
) -> None:
    async def waited(*_: object) -> bool:
        return calm

    monkeypatch.setattr(lighthouse, "wait_until_calm", waited)
    monkeypatch.setattr(Confinement, "held", lambda *_: SimpleNamespace(refusals=refused))
    async with serving(LoadServer(content_type="text/html", bodies={"/": body})) as server:
        with pytest.raises((AppFault, NotApplicable, ToolFault)) as fault:
            await audit(run_of(tmp_path, server.url), monkeypatch, report=NO_PAINT)

    assert fault.value.row == row
    assert isinstance(fault.value, AppFault) is (row == "page-broken")


async def test_a_page_that_paints_at_the_second_look_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([NO_PAINT, (FIXTURES / "lighthouse/page.json").read_bytes()])
    monkeypatch.setattr(lighthouse, "_browser", lambda: "chromium")

    async def execute(command: Command) -> Completed:
        return Completed(command.argv, 0, b"", b"", next(looks), 1.0)

    async with serving(LoadServer(content_type="text/html", bodies={"/": SCRIPTED})) as server:
        run = run_of(tmp_path, server.url)
        parsed = await Lighthouse(site_of(run)).run(run, execute)

    assert parsed.coverage.reached == 1
    assert any(metric.name == "first_contentful_paint" for metric in parsed.metrics)


async def test_an_audit_finds_a_page_below_a_base_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = LoadServer(routes={"/shop/": (200, 0.0)}, content_type="text/html")
    async with serving(server):
        run = run_of(tmp_path, server.url)
        (run.source.root / "README.md").write_text("Open http://localhost:8000/shop/")
        run = replace(run, source=SourceTree(run.source.root, ("README.md",)))
        parsed = await audit(run, monkeypatch, role="frontend")

    assert parsed.coverage.items == (f"{server.url}/shop/",)


async def test_no_second_sample_within_the_apps_own_limit(tmp_path: Path) -> None:
    async def execute(command: Command) -> Completed:
        return Completed(command.argv, 0, LOADTEST + b"\n  429:   30 errors", b"", b"", 1.0)

    async with serving(LoadServer()) as server:
        run = run_of(tmp_path, server.url)
        with pytest.raises(NotApplicable, match="30 answers 429 to GET / at 40/s") as fault:
            await LoadTest(site_of(run)).run(run, execute)
        assert fault.value.row == "sample-rate-limited"

        limit = RateLimit(answered=100, after_s=5, per_s=1.7, source="s", wait_s=30)
        result = LoadResult(url=server.url, steps=(), requests=100, limit=limit)
        operation = Operation("app", server.url, "/", "GET /")
        hand_on(run, [operation], {"GET /": result})
        with pytest.raises(NotApplicable, match=r"rate limit about 1.7/s") as fault:
            await LoadTest(site_of(run)).run(run, execute)

    assert fault.value.row == "sample-rate-limited"


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
    run = replace(run_of(tmp_path, "http://127.0.0.1:9"), canary=True)

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
