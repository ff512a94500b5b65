"""The images as compose runs them: built, confined, healthy, and a pipeline through them."""

import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from contract.analyzers import AnalyzerKind
from contract.ids import pipeline_workflow_id
from contract.spec import PipelineSpec
from control.pipelines import submit
from control.plans import resolve
from tests.conftest import TEMPORAL
from tests.support.image_site import Site, build_all
from tests.support.written_report import written_elsewhere

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

APP = """import html
import http.server
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.urlsplit(self.path).query
        name = urllib.parse.parse_qs(query).get("name", ["you"])[0]
        page = f"<title>hello</title><p>hello {html.escape(name)}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
DOCKERFILE = """FROM python:3.11-slim
WORKDIR /app
COPY app.py .
USER 10001
EXPOSE 8000
CMD ["python", "app.py"]
"""
# One quick tool of each kind a container could break: interpreter, native binary, Node, browser.
SPEC: dict[str, Any] = {
    "analyzers": ["static", "dynamic", "performance", "ai"],
    "tools": {
        "static": ["ruff", "bandit", "opengrep", "eslint"],
        "dynamic": ["http-headers", "nmap", "browser"],
        "performance": ["openloop"],
    },
    "options": {
        "performance": {"rates": "10,20", "step_s": 1, "max_endpoints": 1, "calm_wait_s": 0}
    },
    "breaker": {"wait_limit_s": 0},
}
NEED_THE_NETWORK = {"pip-audit", "npm-audit"}
MEASURED = {
    *(("static", tool) for tool in ("ruff", "bandit", "opengrep", "eslint")),
    *(("dynamic", tool) for tool in ("http-headers", "nmap", "browser")),
    ("performance", "openloop"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    client = docker.from_env(timeout=900)
    yield client
    client.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fleet")
    folder = root / "model" / "app1"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "page.js").write_text("document.title = 'hello';\n")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    root.chmod(0o755)
    return root


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def temporal() -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        data_converter=pydantic_data_converter,
    )
    yield environment.client
    await environment.shutdown()


@pytest.fixture(scope="module")
def site(
    engine: Any, fleet: Path, temporal: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    build_all(engine)
    address = temporal.service_client.config.target_host
    site = Site(engine, tmp_path_factory.mktemp("site"), fleet, address)
    try:
        site.start()
        yield site
    finally:
        left = site.close()
    assert left == []


@pytest.mark.parametrize("name", [*AnalyzerKind, "worker", "dashboard"])
def test_it_runs_as_nobody_and_writes_only_to_its_data(site: Site, name: str):
    attributes = site.containers[name].attrs["HostConfig"]

    assert site.shell(name, "id -u")[1].strip() == "10001"
    assert attributes["ReadonlyRootfs"] is True
    assert attributes["CapDrop"] == ["ALL"]
    assert site.shell(name, "grep CapEff /proc/self/status")[1].split() == ["CapEff:", "0" * 16]
    assert site.shell(name, "touch /srv/assay/x /usr/local/x")[0] != 0
    assert site.shell(name, "touch /data/x /tmp/x && rm /data/x /tmp/x") == (0, "")


@pytest.mark.parametrize("kind", list(AnalyzerKind))
def test_an_image_holds_its_own_analyzer_and_nothing_else_of_ours(site: Site, kind: AnalyzerKind):
    _, top = site.shell(kind, "ls /srv/assay")
    _, below = site.shell(kind, "ls -p /srv/assay/analyzers | grep / | grep -v __pycache__")

    assert set(top.split()) == {"analyzers", "contract", "telemetry"}
    readers = set() if kind is AnalyzerKind.AI else {"appsource/"}
    assert set(below.split()) == {f"{kind}/", "runtime/", *readers}
    assert site.shell(kind, "python -c 'import temporalio'")[0] != 0


@pytest.mark.parametrize("name", [*AnalyzerKind, "worker", "dashboard"])
def test_it_becomes_healthy(site: Site, name: str):
    assert site.health(name) == "healthy"


@pytest.mark.parametrize("kind", [kind for kind in AnalyzerKind if kind is not AnalyzerKind.AI])
def test_every_tool_sees_its_canary_where_it_needs_no_network(site: Site, kind: AnalyzerKind):
    assert site.health(kind) == "healthy"
    tools = site.tools(kind)

    assert tools
    assert [tool for tool in tools if not tool.ok and tool.name not in NEED_THE_NETWORK] == []


@pytest.mark.parametrize("kind", [AnalyzerKind.DYNAMIC, AnalyzerKind.PERFORMANCE])
def test_what_executes_an_app_is_confined_by_the_proxy_where_nothing_else_can_be_had(
    site: Site, kind: AnalyzerKind
):
    program = "from analyzers.runtime.live.confine import trial; print(trial().text)"

    code, said = site.shell(kind, f"python -c '{program}'")

    assert (code, said[:45]) == (0, "not root, the proxy as the only way out; with")


def test_every_module_of_the_dashboard_finds_what_it_imports_and_its_scripts(site: Site):
    program = (
        "import importlib, pkgutil\n"
        "for name in ('cli', 'control', 'dashboard', 'reports', 'store', 'clients'):\n"
        "    package = importlib.import_module(name)\n"
        "    for found in pkgutil.walk_packages(package.__path__, name + '.'):\n"
        "        if 'migrations' not in found.name:\n"
        "            importlib.import_module(found.name)\n"
    )

    assert site.shell("dashboard", f'python -c "{program}"') == (0, "")
    with urllib.request.urlopen(f"{site.dashboard}/static/vendor/htmx.js") as answer:
        assert b"htmx" in answer.read()


async def test_a_pipeline_through_the_containers_measures_every_kind(
    site: Site, fleet: Path, temporal: Client
):
    spec = PipelineSpec.model_validate({"apps": {"root": str(fleet)}, **SPEC})
    plan = resolve(spec, fleet, f"p-{site.scope}")
    for kind in AnalyzerKind:
        assert site.health(kind) == "healthy"

    await submit(temporal, plan)
    await temporal.get_workflow_handle(pipeline_workflow_id(plan.pipeline_id)).result()

    folder = f"/data/reports/{plan.pipeline_id}"
    cells = written_elsewhere(lambda name: site.read("worker", f"{folder}/{name}")).cells
    states = {(cell.analyzer, cell.tool): (cell.state, cell.report.reason) for cell in cells}
    why = (states, site.log("worker"))
    assert {cell: states.get(cell, ("",))[0] for cell in MEASURED} == dict.fromkeys(
        MEASURED, "measured"
    ), why
    with urllib.request.urlopen(f"{site.dashboard}/pipelines") as answer:
        assert plan.pipeline_id in answer.read().decode()
    # Nothing is required of these apps: what judges requirements has nothing to do.
    asked = {cell: state for cell, state in states.items() if cell[1] != "requirements"}
    judged = {state for (analyzer, _), state in asked.items() if analyzer == "ai"}
    assert judged
    assert all(s == "infra_failed" and "no endpoint configured" in r for s, r in judged), why
