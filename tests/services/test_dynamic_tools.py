"""The dynamic tools on real sockets: what they find and never report, and how they are bounded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from analyzers.dynamic import crawler, http
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.tools import TOOLS
from analyzers.dynamic.tools.nmap import Nmap
from analyzers.runtime.measure.canary_check import CanaryCheck
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import AppFault, NotApplicable, Parsed, Tool, ToolFault, ToolRun
from contract.analysis import Category, SubtaskRequest, Target
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from tests.support.dynamic_apps import NotesApp, hostile_application, serving

INSTALLED = Path(__file__).parents[2] / ".tools" / "dynamic"
PROBES = (
    "discovery",
    "http-headers",
    "exposed-files",
    "error-pages",
    "injection",
    "access-control",
)
Measure = Callable[..., Awaitable[dict[str, Parsed]]]


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., ToolRun]:
    return run_maker(tmp_path)


@pytest.fixture(scope="module")
async def careless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parsed]:
    """What every probe says of the careless app: one scan for all tests."""
    run = run_maker(tmp_path_factory.mktemp("careless"))
    async with serving(NotesApp(careful=False).application()) as url:
        return await measure(run(url), *PROBES)


def run_maker(folder: Path) -> Callable[..., ToolRun]:
    source, workspace = folder / "app", folder / "work"
    source.mkdir()
    workspace.mkdir()

    def make(*urls: str, tools_dir: Path = INSTALLED, **options: float | str) -> ToolRun:
        targets = tuple(Target(service=f"app{n or ''}", base_url=one) for n, one in enumerate(urls))
        request = SubtaskRequest(
            subtask_id="t",
            analyzer=AnalyzerKind.DYNAMIC,
            ref=AppRef(model="m", app_number=1),
            source=SourceRef(path=str(source), digest="0" * 64),
            targets=targets,
            options=options,
        )
        return ToolRun(request, list_source(source), workspace, tools_dir)

    return make


@asynccontextmanager
async def hostile_client() -> AsyncIterator[BoundedClient]:
    async with (
        serving(hostile_application()) as url,
        BoundedClient(Target(service="app", base_url=url), Budget()) as client,
    ):
        yield client


def by_name(name: str) -> Tool:
    return next(tool for tool in TOOLS if tool.name == name)


def page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    return show


async def measure(run: ToolRun, *names: str) -> dict[str, Parsed]:
    runner = Runner(run.workspace)
    return {name: await by_name(name).run(run, runner) for name in names}


def rules(reports: dict[str, Parsed], category: Category = Category.SECURITY) -> set[str]:
    return {
        f"{one.rule_id} {one.location.method} {one.location.url}"
        for report in reports.values()
        for one in report.findings
        if one.category is category
    }


def test_a_careless_app_shows_its_weaknesses(careless: dict[str, Parsed]):
    assert {
        "missing-csp GET /",
        "stack-trace POST /register",
        "reflected-xss GET /search",
        "sql-injection GET /search",
        "open-redirect GET /go",
        "path-traversal GET /file",
        "object-read-by-other-user GET /notes/{id}",
        "object-write-by-other-user PUT /notes/{id}",
        "missing-authentication DELETE /notes/{id}",
        "mass-assignment POST /register",
        "login-without-throttle POST /login",
    } <= rules(careless)
    assert all(report.coverage.reached > 0 for report in careless.values())


async def test_its_careful_twin_shows_none(make_run: Callable[..., ToolRun]):
    async with serving(NotesApp(careful=True).application()) as url:
        reports = await measure(make_run(url), *PROBES)

    assert rules(reports) == set()
    assert reports["access-control"].metrics[0].value > 20


async def test_fingerprints_are_the_same_on_another_port(
    make_run: Callable[..., ToolRun], careless: dict[str, Parsed]
):
    names = ("discovery", "access-control", "http-headers")
    async with serving(NotesApp(careful=False).application()) as url:
        again = await measure(make_run(url), *names)

    seen, seen_again = (
        {one.fingerprint for name in names for one in reports[name].findings}
        for reports in (careless, again)
    )
    assert seen == seen_again != set()


async def test_routes_of_the_source_are_asked_and_named(make_run: Callable[..., ToolRun]):
    app = web.Application()
    app.router.add_get("/hidden", page("<p>"))
    run = make_run("http://127.0.0.1:1")
    (run.source.root / "app.py").write_text('@app.get("/hidden")\ndef hidden():\n    return "x"\n')
    (run.source.root / "bad.py").write_text("def (:\n")
    async with serving(app) as url:
        target = Target(service="app", base_url=url)
        request = run.request.model_copy(update={"targets": (target,)})
        source = list_source(run.source.root)
        reports = await measure(
            ToolRun(request, source, run.workspace, run.tools_dir), "discovery", "http-headers"
        )

    assert "app GET /hidden" in reports["discovery"].coverage.items
    assert [one.what for one in reports["discovery"].coverage.skipped] == ["bad.py"]
    csp = next(one for one in reports["http-headers"].findings if one.rule_id == "missing-csp")
    assert (csp.location.path, csp.location.line) == ("app.py", 2)


async def fail(_request: web.Request) -> web.Response:
    return web.Response(status=500, text="<h1>broken</h1>", content_type="text/html")


async def test_an_app_that_fails_every_request_is_no_clean_app(make_run: Callable[..., ToolRun]):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fail)
    async with serving(app) as url:
        run = make_run(url)
        with pytest.raises(AppFault, match="500"):
            await measure(run, "discovery")
        for tool in TOOLS:
            if tool.name not in {"discovery", "error-pages", "nmap"}:  # a failing port is open
                with pytest.raises(AppFault, match="500"):
                    await measure(run, tool.name)
        reports = await measure(run, "error-pages")

    assert rules(reports, Category.QUALITY) >= {"server-error GET /"}
    assert reports["error-pages"].coverage.reached > 0


async def test_what_answers_with_an_error_is_not_covered(make_run: Callable[..., ToolRun]):
    app = web.Application()
    app.router.add_get("/", page("<a href=/broken>b</a><a href=/fine>f</a><a href=/gone>g</a>"))
    app.router.add_get("/broken", fail)
    app.router.add_get("/fine", page("fine"))
    async with serving(app) as url:
        reports = await measure(make_run(url), "discovery", "http-headers")

    coverage = reports["http-headers"].coverage
    assert coverage.items == ("app GET /", "app GET /fine")
    assert "app GET /broken" not in reports["discovery"].coverage.items


async def test_every_server_error_is_told_also_that_of_a_page_which_answers_otherwise(
    make_run: Callable[..., ToolRun],
):
    async def paged(request: web.Request) -> web.Response:
        return await (fail(request) if request.query else page("notes")(request))

    app = web.Application()
    links = "<a href=/notes>n</a><a href=/notes?page=2>2</a><a href=/broken>b</a>"
    app.router.add_get("/", page(links))
    app.router.add_get("/notes", paged)
    app.router.add_get("/broken", fail)
    async with serving(app) as url:
        report = (await measure(make_run(url), "discovery"))["discovery"]

    assert "app GET /notes" in report.coverage.items
    expected = {"requests": ["app GET /notes", "app GET /broken"], "total": 2}
    assert report.data["server_errors"] == expected


async def test_a_back_end_that_fails_does_not_hide_its_front_end(make_run: Callable[..., ToolRun]):
    broken, fine = web.Application(), web.Application()
    broken.router.add_route("*", "/{path:.*}", fail)
    fine.router.add_get("/", page("fine"))
    async with serving(broken) as back, serving(fine) as front:
        reports = await measure(make_run(back, front), "discovery", "http-headers")

    coverage = reports["http-headers"].coverage
    assert coverage.items == ("app1 GET /",)
    assert [one.what for one in coverage.skipped] == ["app"]


def test_an_operation_is_covered_where_its_inputs_were_tried(careless: dict[str, Parsed]):
    coverage = careless["injection"].coverage

    assert {"app POST /login", "app GET /search", "app PUT /notes/{id}"} <= set(coverage.items)
    assert coverage.given == coverage.reached + coverage.skipped_total
    assert coverage.reached == len(set(coverage.items)) < 20


async def test_pages_beyond_a_limit_are_named_and_counted(make_run: Callable[..., ToolRun]):
    links = [f"/page-{'x' * number}" for number in range(crawler.MAX_PAGES + 10)]
    links += [f"/list?page={number}" for number in range(20)] + ["/logout", "/page-x?delete=1"]
    app = web.Application()
    app.router.add_get("/", page("".join(f"<a href='{link}'>x</a>" for link in links)))

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=request.path_qs, content_type="text/html")

    app.router.add_get("/page-{name}", show)
    app.router.add_get("/list", show)
    async with serving(app) as url:
        run = make_run(url)
        reports = await measure(run, "discovery", "http-headers")

    coverage = reports["discovery"].coverage
    assert coverage.given == coverage.reached + coverage.skipped_total
    assert coverage.skipped_total >= 10 + 14 + 2
    reasons = {one.reason for one in coverage.skipped}
    assert reasons >= {f"beyond the first {crawler.MAX_PAGES} pages", crawler.UNSAFE}
    coverage = reports["http-headers"].coverage
    assert "beyond the first 40 pages" in {one.reason for one in coverage.skipped}
    assert coverage.skipped_total >= crawler.MAX_PAGES - 40


async def test_hostile_answers_are_named_in_the_report(
    make_run: Callable[..., ToolRun], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "REQUEST_DEADLINE_S", 2.0)
    app = hostile_application()
    names = ("endless", "drip", "bomb", "headers", "loop", "silent")
    app.router.add_get("/site", page("".join(f"<a href=/{name}>x</a>" for name in names)))
    run = make_run("http://127.0.0.1:1")
    (run.source.root / "app.py").write_text('@app.get("/site")\ndef site():\n    return "x"\n')
    async with serving(app) as url:
        request = run.request.model_copy(update={"targets": (Target(service="app", base_url=url),)})
        source = list_source(run.source.root)
        reports = await measure(ToolRun(request, source, run.workspace, run.tools_dir), "discovery")

    skipped = {one.what: one.reason for one in reports["discovery"].coverage.skipped}
    assert skipped.keys() >= {"GET /headers", "GET /loop", "GET /silent"}
    assert "redirects" in skipped["GET /loop"]
    notes = "\n".join(reports["discovery"].notes)
    assert all(f"app GET /{name}: " in notes for name in ("endless", "drip", "bomb"))


async def test_a_single_page_fallback_exposes_nothing(make_run: Callable[..., ToolRun]):
    page = '<title>Index of life</title>SECRET_KEY=1 [core] "dependencies" EVALEX = false'

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/{path:.*}", index)
    async with serving(app) as url:
        reports = await measure(make_run(url), "discovery", "exposed-files")

    assert rules(reports) == set()


async def test_inputs_without_a_login_or_parameter_are_not_applicable(
    make_run: Callable[..., ToolRun],
):
    async with serving(hostile_application()) as url:
        run = make_run(url)
        for name in ("access-control", "injection", "schemathesis", "browser"):
            with pytest.raises(NotApplicable):
                await measure(run, name)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_a_dead_app_is_the_apps_fault(tool: Tool, make_run: Callable[..., ToolRun]):
    async with serving(web.Application()) as url:
        pass

    with pytest.raises(AppFault, match="does not answer"):
        run = make_run(url)
        run.shared["discovery"] = {"services": []}
        await tool.run(run, Runner(run.workspace))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_no_target_is_a_fault_never_a_zero(tool: Tool, make_run: Callable[..., ToolRun]):
    run = make_run()

    with pytest.raises(ToolFault, match="no running target"):
        await tool.run(run, Runner(run.workspace))


@pytest.mark.parametrize("name", ["wapiti", "schemathesis", "browser"])
async def test_a_tool_that_is_not_installed_is_a_fault(
    name: str, make_run: Callable[..., ToolRun], tmp_path: Path
):
    run = make_run("http://127.0.0.1:1", tools_dir=tmp_path)

    with pytest.raises(ToolFault):
        await by_name(name).version(run, Runner(run.workspace))


async def test_nmap_that_is_missing_names_the_next_step(
    make_run: Callable[..., ToolRun], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("analyzers.dynamic.tools.nmap.shutil.which", lambda _name: None)
    run = make_run("http://127.0.0.1:1")

    with pytest.raises(ToolFault, match="apt-get install nmap"):
        await Nmap().version(run, Runner(run.workspace))


async def test_nmap_has_nothing_to_look_at_where_only_the_apps_port_is_its_own(
    make_run: Callable[..., ToolRun],
):
    async with serving(hostile_application()) as url:
        with pytest.raises(NotApplicable, match="published port of this host"):
            await measure(make_run(url), "nmap")


@pytest.mark.parametrize("value", [0, -1, "many", True])
async def test_a_wrong_option_is_named(value: float | str, make_run: Callable[..., ToolRun]):
    async with serving(NotesApp(careful=True).application()) as url:
        with pytest.raises(ToolFault, match="dynamic options: max_requests"):
            await measure(make_run(url, max_requests=value), "discovery", "exposed-files")


async def test_a_spent_budget_is_named_as_not_reached(make_run: Callable[..., ToolRun]):
    async with serving(NotesApp(careful=True).application()) as url:
        reports = await measure(make_run(url, max_requests=10), "discovery", "exposed-files")

    coverage = reports["exposed-files"].coverage
    assert coverage.reached == 10
    assert coverage.skipped_total > 20
    assert coverage.skipped[0].reason == "request budget of 10 spent"


async def test_one_app_with_a_login_nobody_can_use_is_missing_data(
    make_run: Callable[..., ToolRun],
):
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"error": "closed"}, status=403)

    app = web.Application()
    form = "<form method=post action=/login><input name=username><input name=password></form>"
    app.router.add_get("/", page(form))
    app.router.add_post("/login", refuse)
    async with serving(app) as url:
        with pytest.raises(ToolFault, match="could not log in"):
            await measure(make_run(url), "discovery", "access-control")


@pytest.mark.parametrize(
    ("path", "note"),
    [("/endless", "body cut at"), ("/drip", "body unfinished"), ("/bomb", "decompressed body cut")],
)
async def test_bodies_are_bounded(path: str, note: str, monkeypatch: pytest.MonkeyPatch):
    if path == "/drip":  # the others end at a size, however slow the machine
        monkeypatch.setattr(http, "REQUEST_DEADLINE_S", 1.0)
    async with hostile_client() as client:
        answer = await client.get(path)

    assert answer is not None
    assert note in answer.note
    assert len(answer.body) <= http.BODY_CAP_BYTES


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/headers", "no HTTP answer"),
        ("/loop", "more than 5 redirects"),
        ("/silent", "no complete answer within"),
        ("//evil.invalid/", "leads away"),
    ],
)
async def test_what_cannot_be_had_is_named(path: str, reason: str, monkeypatch: pytest.MonkeyPatch):
    if path == "/silent":
        monkeypatch.setattr(http, "REQUEST_DEADLINE_S", 0.5)
    async with hostile_client() as client:
        answer = await client.follow(path)

    assert answer is None
    assert reason in next(iter(client.unanswered.values()))


async def test_redirects_off_the_app_are_not_followed():
    async with hostile_client() as client:
        answer = await client.follow("/away")

    assert answer is not None
    assert answer.status == 302


async def test_an_app_that_dies_while_it_is_measured_is_the_apps_fault():
    async with serving(hostile_application()) as url:
        client = BoundedClient(Target(service="app", base_url=url), Budget())
        assert await client.get("/") is not None
    async with client:
        with pytest.raises(AppFault, match="stopped answering during"):
            for _ in range(http.FAULTS_UNTIL_DEAD):
                await client.get("/")


async def test_every_probe_of_ours_sees_its_canary(tmp_path: Path):
    check = CanaryCheck(AnalyzerKind.DYNAMIC, INSTALLED, tmp_path, CpuBudget(20))
    probes = [by_name(name) for name in (*PROBES, "nmap")]

    verdicts = await asyncio.gather(*(check.look(tool, "1") for tool in probes))

    assert [one.reason for one in verdicts] == [""] * len(probes)


async def test_a_crawler_that_follows_no_link_is_blind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crawler, "local_paths", lambda *_args: [])
    check = CanaryCheck(AnalyzerKind.DYNAMIC, INSTALLED, tmp_path, CpuBudget(20))

    verdict = await check.look(by_name("discovery"), "1")

    assert not verdict.ok
    assert "/about" in verdict.reason
