"""Who is blamed for what becomes of real containers, and of the cases people really write."""

import asyncio
import os
import signal

import httpx
import pytest

from contract.errors import ErrorCode, PlatformError
from contract.running import AppCheck, RunningApp
from tests.support.cases import case_app
from tests.support.docker_bench import Bench

pytestmark = pytest.mark.docker

# Ends by itself, or at its memory limit, when it is asked to.
MORTAL = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            print("fatal: no more", flush=True)
            os._exit(3)
        if self.path == "/eat":
            self.kept = [bytearray(1 << 20) for _ in range(400)]
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


async def visit(app: RunningApp, path: str) -> None:
    """Ask for `path` of an app that may not outlive the answer."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        try:
            await client.get(f"http://127.0.0.1:{app.services[0].host_port}{path}")
        except httpx.HTTPError:
            return


async def dead(bench: Bench, app: RunningApp) -> AppCheck:
    """The first check that does not find the app alive."""
    while (check := await bench.runtime.check(app)).alive:
        await asyncio.sleep(0.05)
    return check


@pytest.mark.parametrize(
    "deed", ["kill", "stop", "restart", "remove"], ids=lambda deed: f"docker {deed}"
)
async def test_what_somebody_does_to_a_container_is_not_the_apps_fault(bench: Bench, deed: str):
    app = await bench.started(bench.app())
    container = bench.engine.containers.get(app.services[0].container_id)
    arguments = {"remove": {"force": True}, "stop": {"timeout": 1}, "restart": {"timeout": 1}}

    # Checked all the while: a removal kills first, and is seen in between.
    _, check = await asyncio.gather(
        asyncio.to_thread(getattr(container, deed), **arguments.get(deed, {})), dead(bench, app)
    )

    assert (check.taken, check.killed, check.silent) == (True, False, False)
    assert "from outside" in check.reason


async def test_a_kill_by_process_number_has_no_sender_on_record(bench: Bench):
    app = await bench.started(bench.app())
    container = bench.engine.containers.get(app.services[0].container_id)
    os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)

    check = await dead(bench, app)

    assert (check.taken, check.killed) == (False, True)
    assert "neither a memory limit nor a sender is on record" in check.reason


@pytest.mark.parametrize(
    ("path", "reason"), [("/exit", "app exited with 3"), ("/eat", "(out of memory)")]
)
async def test_an_end_by_itself_or_at_its_limit_is_the_apps(bench: Bench, path: str, reason: str):
    app = await bench.started(bench.app(**{"server.py": MORTAL}))
    await visit(app, path)

    check = await dead(bench, app)

    assert (check.taken, check.killed, check.silent) == (False, False, False)
    assert reason in check.reason


async def test_what_our_side_cannot_do_is_said_as_ours(bench: Bench):
    with pytest.raises(PlatformError) as caught:
        await bench.runtime.start(bench.spec(case_app("19c")), "run", lambda line: None)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert "python:3.13-slim -> assay/python:3.11" in caught.value.message


@pytest.mark.parametrize(
    ("case", "says", "note"),
    [
        ("01", "Plant Diary", "base image"),
        ("03", "hello", "base image"),
        ("06", "hello", "base image"),
        ("07", "Herb catalogue", "copied into the container"),
        ("08", "hello", "copied into the container"),
        ("11-extends", "admin", "base image"),
        ("16", "timer", "measured on port 3000 (open socket, log)"),
        ("18", "Shop", "base image python:3.11-slim"),
        ("19d", "public", "base image"),
        ("47", "not found", "base image python:3.11-slim"),
    ],
)
async def test_what_people_write_runs(bench: Bench, case: str, says: str, note: str):
    app = await bench.started(bench.spec(case_app(case)))

    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.get(f"http://127.0.0.1:{app.services[0].host_port}/")
    assert says in answer.text
    assert any(note in one for one in bench.facts[app.workflow_id].notes)
    assert (await bench.runtime.check(app)).alive


async def test_a_service_that_speaks_tcp_is_left_out_and_the_rest_measured(bench: Bench):
    app = await bench.started(bench.spec(case_app("09")))

    assert {one.service: one.container_port for one in app.services} == {"cache": None, "web": 8000}
    assert [target.service for target in (await bench.runtime.check(app)).targets] == ["web"]


async def test_a_bind_to_loopback_is_the_apps_and_named(bench: Bench):
    outcome = await bench.runtime.start(bench.spec(case_app("43")), "run", lambda line: None)

    assert (outcome.app, outcome.phase) == (None, "answer")
    assert "listens on 127.0.0.1:8000 of its own container alone" in outcome.reason
    assert any("base image python:3.11-slim" in note for note in outcome.facts.notes)


async def test_a_warm_up_is_waited_for_beyond_the_start_deadline(bench: Bench):
    lines: list[str] = []
    outcome = await bench.runtime.start(bench.spec(case_app("44")), "run", lines.append)

    assert outcome.app is not None, outcome.reason
    await visit(outcome.app, "/")
    assert any("its health check says `starting`" in line for line in lines)


# Asks outside and ends without a word.
ASKING = """
import socket, sys
try:
    socket.create_connection(("203.0.113.7", 443), 1)
except OSError:
    sys.exit(1)
"""


async def test_a_silent_death_after_asking_for_the_denied_network_is_ours(bench: Bench):
    with pytest.raises(PlatformError, match="asked for an address outside") as caught:
        await bench.runtime.start(bench.app(**{"server.py": ASKING}), "run", lambda line: None)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert "its log is empty; it ran `python /app/server.py`" in caught.value.message
