"""Real sandboxes: bubblewrap, a free port on 127.0.0.1, and nothing left behind."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from clients.process import ProcessRuntime
from clients.runtime import choose_runtime
from clients.source import digest_tree
from contract.analysis import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.running import RunningApp
from contract.spec import AppRef, AppSpec
from settings import Settings
from tests.support.memory_artifacts import MemoryArtifacts

# Does what the path says and answers with what came of it.
SERVER = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            match self.path:
                case "/end":
                    os._exit(3)
                case "/escape":
                    pathlib.Path("/usr/assay-test").write_text("x")
                    text = "wrote"
                case "/data":
                    pathlib.Path(os.environ["DATA_DIR"], "x").write_text("x")
                    text = "kept"
                case "/processes":
                    text = str(sum(name.isdigit() for name in os.listdir("/proc")))
                case "/secret":
                    text = pathlib.Path(os.environ["SECRET_PATH"]).read_text()
                case _:
                    text = "hello"
        except OSError as error:
            text = f"refused: {error}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
print("listening", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def artifacts() -> MemoryArtifacts:
    return MemoryArtifacts()


def make_runtime(tmp_path: Path, artifacts: MemoryArtifacts) -> ProcessRuntime:
    return ProcessRuntime(host="here", artifacts=artifacts, data_dir=tmp_path / "data")


@pytest.fixture
async def runtime(tmp_path: Path, artifacts: MemoryArtifacts):
    runtime = make_runtime(tmp_path, artifacts)
    yield runtime
    for workflow_id in await runtime.owned_workflows():
        await runtime.teardown(workflow_id)
    assert sandboxes(tmp_path) == []


def sandboxes(tmp_path: Path) -> list[str]:
    """Process IDs of live sandboxes whose command line names this test's folder."""
    found: list[str] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if str(tmp_path).encode() in command and command.startswith(b"bwrap"):
                found.append(folder.name)
    return found


def make_app(tmp_path: Path, server: str = SERVER, trusted: bool = True) -> AppSpec:
    """An app without dependencies: no network is needed to install them."""
    root = tmp_path / "app"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text("<p>")
    (root / "server.py").write_text(server)
    secret = tmp_path / "data" / "secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("top secret")
    command = f'["{Path(sys.executable).resolve()}", "server.py"]'
    env = f"ENV PORT=8000 SECRET_PATH={secret}\n"
    (root / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (root / "package-lock.json").write_text(
        '{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}'
    )
    (root / "Dockerfile").write_text(f"FROM node:20\n{env}CMD {command}\n")
    return AppSpec(
        pipeline_id="p",
        ref=AppRef(model="m", app_number=1),
        source=digest_tree(root),
        analyzers=(AnalyzerKind.DYNAMIC,),
        trusted=trusted,
    )


async def started(runtime: ProcessRuntime, app: AppSpec) -> RunningApp:
    outcome = await runtime.start(app, "run", lambda line: None)
    assert outcome.app is not None, outcome.reason
    return outcome.app


async def ask(app: RunningApp, path: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (await client.get(f"http://127.0.0.1:{app.services[0].host_port}{path}")).text


async def test_a_confined_app_answers_and_cannot_touch_its_host(tmp_path, runtime, artifacts):
    app = make_app(tmp_path)
    running = await started(runtime, app)

    assert (await runtime.check(running)).alive
    assert running.conditions
    assert await ask(running, "/data") == "kept"
    assert (await ask(running, "/escape")).startswith("refused")
    assert (await ask(running, "/secret")).startswith("refused")
    assert int(await ask(running, "/processes")) < 6
    assert not Path("/usr/assay-test").exists()

    report = await runtime.teardown(app.workflow_id)
    assert report.processes == 1
    assert b"listening" in artifacts.data["app-app.log"]
    assert (await runtime.teardown(app.workflow_id)).processes == 0
    assert list(await runtime.owned_workflows()) == []


async def test_what_is_installed_ahead_is_not_started(tmp_path, runtime, artifacts):
    app, anew = make_app(tmp_path), list[bool]()
    built = await runtime.prepare(app, "run", lambda line: None, anew.append)
    assert b"unchanged" not in artifacts.data["build.log"]
    await runtime.prepare(app, "run", lambda line: None, anew.append)
    assert b"app: dependencies unchanged, installed earlier: " in artifacts.data["build.log"]

    assert (built.app, built.phase, built.host) == (None, "built", "here")
    assert list(await runtime.owned_workflows()) == []
    outcome = await runtime.start(app, "run", lambda line: None, anew.append)
    assert outcome.app is not None
    assert anew == [True, False, False]
    assert outcome.facts.logs == (), "the log of its build is kept once"
    await runtime.teardown(app.workflow_id)


async def test_after_a_killed_worker_the_app_is_adopted_and_torn_down(tmp_path, runtime, artifacts):
    app = make_app(tmp_path)
    running = await started(runtime, app)

    successor = make_runtime(tmp_path, artifacts)

    assert list(await successor.owned_workflows()) == [app.workflow_id]
    assert await started(successor, app) == running
    assert (await successor.teardown(app.workflow_id)).processes == 1
    check = await successor.check(running)
    assert (check.alive, check.taken, check.reason) == (False, True, "app was removed")


async def test_an_app_that_dies_at_its_start_says_why(tmp_path, runtime):
    app = make_app(tmp_path, "raise SystemExit('no database configured')")

    outcome = await runtime.start(app, "run", lambda line: None)

    assert (outcome.app, outcome.phase) == (None, "start")
    assert outcome.reason == "app exited with 1: no database configured"
    assert list(await runtime.owned_workflows()) == []


async def test_a_sandbox_killed_from_outside_is_no_fault_of_the_app(tmp_path, runtime):
    app = make_app(tmp_path)
    running = await started(runtime, app)
    os.kill(int(running.services[0].container_id.split(":")[1]), signal.SIGKILL)

    check = await runtime.check(running)

    assert (check.alive, check.taken, check.killed) == (False, False, True)
    assert "who sent the signal is not on record" in check.reason


async def test_an_app_that_ends_by_itself_is_at_fault(tmp_path, runtime):
    app = make_app(tmp_path, SERVER)
    running = await started(runtime, app)
    with pytest.raises(httpx.HTTPError):
        await ask(running, "/end")

    check = await runtime.check(running)

    assert (check.alive, check.taken, check.reason) == (False, False, "app exited with 3")


async def test_a_start_that_is_cancelled_at_once_leaves_no_sandbox(tmp_path, runtime, monkeypatch):
    """Cancelled between the launcher's start and its first word in the status file."""
    app = make_app(tmp_path)
    begun = asyncio.Event()

    async def wait(*_):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(runtime, "_wait", wait)
    start = asyncio.ensure_future(runtime.start(app, "run", lambda line: None))
    await begun.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start

    await runtime.teardown(app.workflow_id)

    assert sandboxes(tmp_path) == []


async def test_an_installer_writes_only_its_environment_and_dies_with_a_cancel(tmp_path, runtime):
    app = make_app(tmp_path)
    root = Path(app.source.path)
    victim = tmp_path / "victim"
    script = f"echo x >{victim}; echo x >/usr/assay-test; touch here; exec sleep 1000"
    package = {"name": "x", "version": "1.0.0", "scripts": {"build": script}}
    (root / "package.json").write_text(json.dumps(package))
    reached = asyncio.Event()
    start = asyncio.ensure_future(
        runtime.start(app, "run", lambda line: reached.set() if "installing" in line else None)
    )
    await reached.wait()
    environments = tmp_path / "data" / "environments"
    while not list(environments.glob("*/here")):
        assert not start.done(), start
        await asyncio.sleep(0.05)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start

    assert not victim.exists()
    assert not Path("/usr/assay-test").exists()
    assert sandboxes(tmp_path) == []
    assert [path.name for path in environments.iterdir()] == ["cache"]


async def test_an_untrusted_app_never_runs_as_a_process(tmp_path, runtime):
    app = make_app(tmp_path, trusted=False)

    with pytest.raises(PlatformError, match=r"no container engine.*Docker Engine") as caught:
        await runtime.start(app, "run", lambda line: None)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert sandboxes(tmp_path) == []


def settings_of(tmp_path: Path, engine: str) -> Settings:
    return Settings.model_construct(data=tmp_path, host="here", scope="test", engine=engine)


def test_without_a_daemon_processes_are_chosen_and_it_is_said(tmp_path, artifacts):
    docker_host = f"unix://{tmp_path}/none.sock"

    runtime = choose_runtime(settings_of(tmp_path, "auto"), artifacts, docker_host=docker_host)

    assert isinstance(runtime, ProcessRuntime)
    assert runtime.description.startswith(f"no Docker daemon at {docker_host}: trusted apps run")


def test_a_daemon_that_hangs_is_not_waited_for(tmp_path, artifacts):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        runtime = choose_runtime(
            settings_of(tmp_path, "auto"), artifacts, docker_host=f"unix://{tmp_path}/s"
        )

    assert isinstance(runtime, ProcessRuntime)


def test_an_engine_that_was_asked_for_is_not_replaced(tmp_path, artifacts):
    with pytest.raises(PlatformError, match="Docker daemon") as caught:
        choose_runtime(
            settings_of(tmp_path, "docker"), artifacts, docker_host=f"unix://{tmp_path}/none.sock"
        )

    assert caught.value.code is ErrorCode.UNAVAILABLE
