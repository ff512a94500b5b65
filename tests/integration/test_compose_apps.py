"""Compose files as people write them, on a real engine: what the containers of an app find."""

import json
from pathlib import Path

import httpx
import pytest

from clients.appfolder import read_plan
from clients.appfolder.composer import confined
from clients.docker.composer import InContainer
from contract.running import RunningApp
from tests.support.cases import case_app
from tests.support.compose_app import app_of
from tests.support.docker_bench import Bench

pytestmark = pytest.mark.docker

LOOK = """
import http.server, json, os, socket

def text(path):
    try:
        return open(path).read().strip()
    except OSError as error:
        return type(error).__name__

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = os.environ.get("NAMES", "").split()
        found = {
            "files": {path: text(path) for path in os.environ.get("FILES", "").split()},
            "names": {name: socket.gethostbyname(name) for name in names},
            "host": socket.gethostname(),
            "memory": [line.split()[1] for line in open("/proc/mounts") if "tmpfs" in line],
            "limits": text("/proc/self/limits"),
            "somaxconn": text("/proc/sys/net/core/somaxconn"),
        }
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
DOCKERFILE = """
FROM assay/python:3.11
WORKDIR /app
COPY . .
RUN mkdir -p dist kept all && echo built | tee dist/page kept/data all/page
CMD ["python", "-u", "look.py"]
"""
COMPOSE = """
services:
  web:
    build: .
    ports: ["8080:8000"]
    hostname: shop
    environment:
      FILES: >-
        /app/dist/page /app/kept/data /app/look.txt /run/secrets/key /etc/shop.json
        /empty/x /fresh/x /app/all/page /app/all/collected
      NAMES: web worker jobs queue
    volumes:
      [".:/app", "/app/dist", "kept:/app/kept", "fresh:/fresh", "./nothing:/empty", "all:/app/all"]
    tmpfs: ["/scratch:size=1m"]
    ulimits: {nofile: {soft: 321, hard: 654}}
    sysctls: {net.core.somaxconn: 777}
    secrets: [key]
    configs: [{source: shop, target: /etc/shop.json}]
    depends_on:
      worker: {condition: service_started, required: false}
      collect: {condition: service_completed_successfully}
  worker:
    build: .
    command: sleep infinity
    container_name: jobs
    networks: {default: {aliases: [queue]}}
  collect:
    build: .
    command: sh -c "echo collected > /all/collected"
    volumes: ["all:/all"]
volumes: {kept: {}, fresh: {}, all: {}}
secrets: {key: {file: ./key.txt}}
configs: {shop: {content: '{"name": "$$hop"}'}}
"""


async def seen(app: RunningApp, service: str) -> dict[str, object]:
    port = next(one.host_port for one in app.services if one.service == service)
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return json.loads((await client.get(f"http://127.0.0.1:{port}/")).text)


async def test_an_app_finds_what_docker_compose_would_give_it(bench: Bench):
    app = bench.app(
        **{
            "docker-compose.yml": COMPOSE,
            "Dockerfile": DOCKERFILE,
            "look.py": LOOK,
            "look.txt": "own",
            "key.txt": "secret",
            "dist/page": "of the folder",
        }
    )

    running = await bench.started(app)
    found = await seen(running, "web")

    assert found["files"] == {
        "/app/dist/page": "built",
        "/app/kept/data": "built",
        "/app/look.txt": "own",
        "/run/secrets/key": "secret",
        "/etc/shop.json": '{"name": "$hop"}',
        "/empty/x": "FileNotFoundError",
        "/fresh/x": "FileNotFoundError",
        "/app/all/page": "built",
        "/app/all/collected": "collected",
    }
    names = found["names"]
    assert isinstance(names, dict)
    assert names["worker"] == names["jobs"] == names["queue"] != names["web"]
    assert found["host"] == "shop"
    assert "/scratch" in str(found["memory"])
    assert "321                  654" in str(found["limits"])
    assert found["somaxconn"] == "777"


async def test_a_base_in_another_file_and_a_migration_that_ends(bench: Bench):
    files = {path.name: path.read_text() for path in case_app("19d").iterdir() if path.is_file()}
    files["docker-compose.override.yml"] = """
services:
  web: {depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {build: ., command: ["true"]}
"""
    running = await bench.started(bench.app(**files))

    assert [one.service for one in running.services if one.host_port] == ["web"]


async def test_where_no_sandbox_can_be_made_the_engine_makes_one(bench: Bench, tmp_path: Path):
    in_container = InContainer(bench.engine, {})

    for case in ("01", "11", "18"):
        root = case_app(case)
        assert read_plan(root, in_container) == read_plan(root, confined(root))

    (tmp_path / "x.env").write_text("SECRET=1\n")
    root = app_of(tmp_path / "app", "services: {a: {build: ., ports: [80], env_file: ../x.env}}")
    for words in (("config",), ("--file", "/etc/passwd", "config")):
        answer = in_container.run(root, words)
        assert answer.code == 1
        assert answer.out == b""
    plain = in_container.run(case_app("01"), ("config", "--environment")).out.decode()
    assert "HOME=/home/nobody" in plain
    assert not bench.engine.containers.list(all=True, filters={"ancestor": _image(bench)})


def _image(bench: Bench) -> str:
    return bench.engine.images.list("assay/compose")[0].tags[0]
