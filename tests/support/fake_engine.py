"""A Docker engine that gives the answers of a test: faults that are rare on a real engine."""

import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PODMAN: dict[str, Any] = {
    "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}],
    "Version": "4.3.1",
    "ApiVersion": "1.41",
    "Os": "linux",
}
_NEVER = "0001-01-01T00:00:00Z"


@dataclass
class FakeEngine:
    """Answers by route (`GET /containers/json`); an unknown route is a 404.

    Attributes:
        calls: routes that were asked for, in order.
    """

    address: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict[str, tuple[int, Any]])
    calls: list[str] = field(default_factory=list[str])

    def says(self, route: str, answer: Any, status: int = 200) -> None:
        """Set the answer of `route`: bytes as they are, a callable is called, all else is JSON."""
        self.answers[route] = (status, answer)

    def fails(self, route: str, message: str, status: int = 500) -> None:
        """Answer `route` with an error of the engine."""
        self.says(route, {"message": message}, status)

    def has(self, attributes: dict[str, Any]) -> None:
        """Let the engine have a container, which can be listed, inspected, read and removed."""
        path = f"/containers/{attributes['Id']}"
        known = self.answers.get("GET /containers/json", (200, []))[1]
        self.says("GET /containers/json", [*known, {"Id": attributes["Id"]}])
        self.says(f"GET {path}/json", attributes)
        self.says(f"GET {path}/logs", b"")
        self.says(f"DELETE {path}", b"", 204)


def container(identity: str, service: str = "web", **state: Any) -> dict[str, Any]:
    """Answer of `docker inspect` for a container of ours."""
    return {
        "Id": identity,
        "Name": f"/{service}-1",
        "Created": "2026-01-01T00:00:00Z",
        "Image": "sha256:1",
        "State": {"Running": False, "ExitCode": 0, "StartedAt": _NEVER, "FinishedAt": _NEVER}
        | state,
        "Config": {"Labels": {"dev.assay.service": service}, "Tty": True},
        "HostConfig": {"LogConfig": {"Type": "json-file"}},
        "NetworkSettings": {"Ports": {}, "Networks": {}},
    }


def bridge(created: str) -> dict[str, Any]:
    """Answer of a Docker engine about its default network, which it creates at its start."""
    options = {"com.docker.network.bridge.default_bridge": "true"}
    return {"Name": "bridge", "Created": created, "Options": options}


@contextmanager
def fake_engine() -> Generator[FakeEngine]:
    """An engine on a free port of 127.0.0.1, empty."""
    engine = FakeEngine()
    engine.says("GET /version", {"ApiVersion": "1.41", "Version": "20.10"})
    engine.says("GET /info", {})
    engine.says("GET /containers/json", [])
    engine.says("GET /networks", [])
    engine.says("GET /volumes", {"Volumes": []})
    engine.says("GET /images/json", [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(size)
            path = re.sub(r"^/v[\d.]+", "", self.path.partition("?")[0])
            route = f"{self.command} {path}"
            engine.calls.append(route)
            missing = (404, {"message": f"no {route}"})
            status, answer = engine.answers.get(route, missing)
            answer = answer() if callable(answer) else answer
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if path == "/events":  # told as they come
                self.send_header("Transfer-Encoding", "chunked")
                lines = [line + b"\n" for line in body.splitlines()]
                body = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in (*lines, b""))
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    engine.address = f"tcp://127.0.0.1:{server.server_address[1]}"
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
