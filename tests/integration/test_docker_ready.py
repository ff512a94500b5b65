"""Real containers that come up in ways of their own; none is known by its name."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from clients.docker.execs import run_inside
from clients.docker.sockets import listening
from contract.running import RunningApp
from tests.support.docker_bench import Bench
from tests.support.launch_bench import RUNNING

pytestmark = pytest.mark.docker

DOCKERFILE = 'FROM assay/python:3.11\n{}COPY . /app\nCMD ["python", "-u", "/app/main.py"]\n'
SERVE = """
import http.server, socket, socketserver, threading, time
def serve(port, kind, status=200, body=b"x"):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    threading.Thread(target=server.serve_forever).start()
    return server
"""
NO_HTTP = """
class Line(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
socketserver.ThreadingTCPServer(("0.0.0.0", 5432), Line).serve_forever()
"""
CONNECTS = "python -c \"import socket; socket.create_connection(('localhost', 5432))\""
COMPOSE = """
services:
  web: {build: ./data, ports: ["5001:8000", "8081:9000"], depends_on: [migrate]}
  api: {build: ./pages, ports: ["3000:80"]}
  migrate:
    build: ./migrate
    depends_on: {frontend: {condition: service_healthy}}
  frontend: {build: ./database, ports: ["5432:5432"]}
  server: {build: ./worker}
"""
SERVICES = {
    "data": ("", 'serve(8000, "application/json"); serve(9000, "text/plain", 426)'),
    "pages": ("", 'serve(80, "text/html")'),
    "migrate": ("", "time.sleep(1)"),
    "database": (f"HEALTHCHECK CMD {CONNECTS}\n", NO_HTTP),
    "worker": ("EXPOSE 8000\n", "time.sleep(600)"),
}


def write(folder: Path, instructions: str, code: str) -> None:
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE.format(instructions))
    (folder / "main.py").write_text(SERVE + code)


async def started(bench: Bench, instructions: str, code: str) -> RunningApp:
    write(bench.root / "one", instructions, code)
    return await bench.started(bench.spec(bench.root / "one"))


async def test_services_are_told_by_what_they_do(bench: Bench):
    folder = bench.root / "stack"
    for name, (instructions, code) in SERVICES.items():
        write(folder / name, instructions, code)
    (folder / "docker-compose.yml").write_text(COMPOSE)

    app = await bench.started(bench.spec(folder))

    found = {one.service: (one.role, one.container_port) for one in app.services}
    assert found == {
        "web": ("backend", 8000),
        "api": ("frontend", 80),
        "frontend": ("support", None),
        "server": ("support", None),
    }
    web = next(one for one in app.services if one.service == "web")
    assert (web.folder, web.published, web.found_by) == (
        "data",
        (5001,),
        "open socket, compose file",
    )
    (socket,) = web.further
    assert (socket.container_port, socket.published) == (9000, (8081,))
    check = await bench.runtime.check(app)
    assert check.alive, check.reason
    assert [target.service for target in check.targets] == ["web", "api"]


async def test_a_port_that_nobody_names_is_found_and_published(bench: Bench):
    app = await started(bench, "EXPOSE 8080\n", 'serve(4321, "text/plain")')

    assert app.services[0].container_port == 4321
    assert (await bench.runtime.check(app)).alive


async def test_a_port_that_the_source_names_is_published_at_once(bench: Bench):
    """No second container, and no settling."""
    app = await started(bench, "", 'PORT = 4321\nserve(PORT, "text/plain")')

    assert (app.services[0].container_port, app.services[0].found_by) == (
        4321,
        "open socket, source",
    )
    assert not any("does not declare" in note for note in bench.facts[app.workflow_id].notes)


WAYS = {
    "a splash page that the source names": (
        'first = serve(8080, "text/html"); time.sleep(2); first.shutdown(); first.server_close()\n'
        'serve(3000, "text/html")',
        3000,
    ),
    "a splash page beside a command": (
        "import subprocess\n"
        'first = serve(int("80" + "80"), "text/html"); subprocess.run(["sleep", "2"])\n'
        'first.shutdown(); first.server_close(); serve(int("30" + "00"), "text/html")',
        3000,
    ),
    "a log that names another port": (
        'print("listening on 5000", flush=True); serve(int("43" + "21"), "text/html")',
        4321,
    ),
    "a second port that opens later": (
        'serve(9000, "text/plain"); time.sleep(1); serve(8000, "text/html")\n'
        'print("listening on 8000", flush=True)',
        8000,
    ),
}


@pytest.mark.parametrize(("code", "port"), WAYS.values(), ids=WAYS)
async def test_what_answers_first_is_not_taken_for_the_app(bench: Bench, code: str, port: int):
    app = await started(bench, "", code)

    assert app.services[0].container_port == port
    assert (await bench.runtime.check(app)).alive


async def test_the_apps_own_health_check_is_run_before_its_interval_is_over(bench: Bench):
    """Warm after three seconds; Docker itself would ask after thirty."""
    check = "HEALTHCHECK CMD test -f /tmp/warm\n"
    code = 'serve(8000, "text/html"); time.sleep(3); open("/tmp/warm", "w")'

    app = await started(bench, check, code)

    container = bench.engine.containers.get(app.services[0].container_id)
    assert container.attrs["State"]["Health"]["Status"] == "starting"
    assert container.exec_run(["test", "-f", "/tmp/warm"]).exit_code == 0


async def test_who_listens_for_ipv6_alone_is_told_so(bench: Bench):
    code = """
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
listener.bind(("::", 8000))
listener.listen()
time.sleep(600)
"""
    write(bench.root / "one", "EXPOSE 8000\n", code)
    runtime = bench.make_runtime("host", start_deadline_s=2.0)

    outcome = await runtime.start(bench.spec(bench.root / "one"), "run", lambda line: None)
    await runtime.close()

    assert (outcome.app, outcome.phase) == (None, "answer")
    assert "port 8000 for IPv6 alone" in outcome.reason


async def test_a_command_inside_is_bounded_whatever_it_prints(bench: Bench):
    app = await bench.started(bench.app())
    container_id = app.services[0].container_id

    def inside(script: str, timeout_s: float, max_bytes: int) -> tuple[int | None, bytes]:
        argv = ["sh", "-c", script]
        return run_inside(bench.engine, container_id, argv, timeout_s, max_bytes, errors=True)

    assert inside("echo no >&2; exit 3", 10, 100) == (3, b"no\r\n")
    began = time.monotonic()
    code, said = inside("while :; do echo drip; sleep 0.2; done", 1.0, 10**6)
    assert (code, said[:4], time.monotonic() - began < 5) == (None, b"drip", True)
    code, said = inside("yes", 20, 100_000)
    assert (code, 100_000 <= len(said) < 200_000) == (None, True)
    found = await listening(bench.engine, replace(RUNNING, id=container_id), local=False)
    assert found.outside == (8000,)
