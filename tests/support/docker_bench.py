"""A Docker runtime with a scope of its own, and a small app, on the engine of DOCKER_HOST."""

import os
import uuid
from pathlib import Path
from typing import Any

import docker

from clients.docker import AppLimits, DockerRuntime
from clients.docker.runtime import DEFAULT_DOCKER_HOST
from clients.source import digest_tree
from clients.targets import Location
from contract.analysis import AnalyzerKind
from contract.ids import LABEL_SCOPE
from contract.outcome import AppFacts
from contract.running import RunningApp
from contract.spec import AppRef, AppSpec
from tests.support.memory_artifacts import MemoryArtifacts

ENGINE = os.environ.get("DOCKER_HOST", DEFAULT_DOCKER_HOST)
# Answers with what a connection to the address in the path comes to: `/10.0.0.1:80`.
SERVER = """
import http.server, os, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = "hello"
        if ":" in self.path:
            host, port = self.path[1:].rsplit(":", 1)
            try:
                socket.create_connection((host, int(port)), 2).close()
                text = "open"
            except OSError as error:
                text = f"closed {error}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
print("listening", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
DOCKERFILE = """
FROM assay/python:3.11
ENV PORT=8000
COPY . /app
USER 10001
CMD ["python", "/app/server.py"]
"""


class Bench:
    """A runtime with a scope of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scope = f"test-{uuid.uuid4().hex[:12]}"
        self.artifacts = MemoryArtifacts()
        self.facts: dict[str, AppFacts] = {}
        self.pool = f"10.214.{uuid.uuid4().int % 256}.0/24"
        self.runtime = self.make_runtime("host")
        self.engine = docker.DockerClient(ENGINE)

    def make_runtime(self, location: Location, **limits: Any) -> DockerRuntime:
        return DockerRuntime(
            host="here",
            scope=self.scope,
            artifacts=self.artifacts,
            limits=AppLimits(
                **{"start_deadline_s": 15.0, "memory_bytes": 128 * 1024 * 1024, **limits}
            ),
            analyzer_location=location,
            network_pool=self.pool,
            docker_host=ENGINE,
        )

    def app(self, number: int = 1, **files: str) -> AppSpec:
        folder = self.root / f"app{number}"
        folder.mkdir(exist_ok=True)
        files = {"Dockerfile": DOCKERFILE, "server.py": SERVER} | files
        for name, text in files.items():
            if text:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(text)
        return self.spec(folder, number)

    def spec(self, folder: Path, number: int = 1) -> AppSpec:
        """The app in `folder`, which is not changed."""
        return AppSpec(
            pipeline_id=self.scope,
            ref=AppRef(model="m", app_number=number),
            source=digest_tree(folder),
            analyzers=(AnalyzerKind.DYNAMIC,),
        )

    async def started(self, app: AppSpec, run_id: str = "run") -> RunningApp:
        outcome = await self.runtime.start(app, run_id, lambda line: None)
        assert outcome.app is not None, outcome.reason
        self.facts[outcome.app.workflow_id] = outcome.facts
        return outcome.app

    def leftovers(self) -> list[object]:
        filters = {"label": f"{LABEL_SCOPE}={self.scope}"}
        return [
            *self.engine.containers.list(all=True, filters=filters),
            *self.engine.networks.list(filters=filters),
            *self.engine.volumes.list(filters=filters),
        ]
