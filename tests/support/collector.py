"""A collector of traces: takes OTLP over HTTP as a real one does, or misbehaves."""

import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

# fmt: off
Mode = Literal[
    "ok", "hang", "reset", "400", "413", "429", "500", "redirect", "page", "garbage", "endless",
    "drip", "some",
]
# fmt: on
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_SOME = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(rejected_spans=1, error_message="\x1b]0;x\x07")
)
# Status, headers and body; of the others, an empty 200.
_ANSWERS: dict[Mode, tuple[int, dict[str, str], bytes]] = {
    "400": (400, {}, b"\x1b]0;title\x07"),
    "413": (413, {}, b""),
    "429": (429, {"Retry-After": "0.05"}, b""),
    "500": (500, {}, b""),
    "redirect": (307, {"Location": "http://127.0.0.1:1/v1/traces"}, b""),
    "page": (200, {"Content-Type": "text/html"}, b"<h1>It works</h1>"),
    "garbage": (200, _PROTOBUF, b"\xff" * 50),
    "some": (200, _PROTOBUF, _SOME.SerializeToString()),
}


@dataclass(frozen=True)
class Seen:
    """One span as it arrived."""

    name: str
    service: str
    trace: bytes
    span: bytes
    parent: bytes
    attributes: dict[str, Any]
    failed: bool
    seconds: float


@dataclass
class Collector:
    """What arrived so far; `mode` says how it answers."""

    mode: Mode = "ok"
    url: str = ""
    requests: int = 0
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Seen] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _plain(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_seen(span, service) for span in scope.spans]

    def named(self, name: str) -> list[Seen]:
        return [span for span in self.spans if span.name == name]

    def line(self, span: Seen) -> list[str]:
        """Names from the root down to the span."""
        above = {one.span: one for one in self.spans}
        names = [span.name]
        while (parent := above.get(span.parent)) is not None:
            span = parent
            names.insert(0, span.name)
        return names

    def until(self, name: str, limit_s: float = 20) -> None:
        end_s = time.monotonic() + limit_s
        while not self.named(name) and time.monotonic() < end_s:
            time.sleep(0.05)


def _plain(attributes: Any) -> dict[str, Any]:
    return {
        a.key: getattr(a.value, a.value.WhichOneof("value") or "string_value") for a in attributes
    }


def _seen(span: Any, service: str) -> Seen:
    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    given = _plain(span.attributes)
    ids = (span.trace_id, span.span_id, span.parent_span_id)
    return Seen(span.name, service, *ids, given, span.status.code == 2, seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, got: Collector) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got, self.over = got, threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked has gone."""


class _Handler(BaseHTTPRequestHandler):
    @property
    def _ours(self) -> _Server:
        assert isinstance(self.server, _Server)
        return self.server

    def do_POST(self) -> None:
        got = self._ours.got
        got.requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match got.mode:
            case "hang":
                self._ours.over.wait(60)
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            case "endless" | "drip":
                self._answer_without_end(0.02 if got.mode == "drip" else 0)
            case "ok" | "some":
                got.take(body)
                self._answer(*_ANSWERS.get(got.mode, (200, {}, b"")))
            case mode:
                self._answer(*_ANSWERS[mode])

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _answer_without_end(self, pause_s: float) -> None:
        self._answer(200, _PROTOBUF, b"")
        while not self._ours.over.wait(pause_s):
            self.wfile.write(b"x" if pause_s else b"x" * 65536)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def collector(mode: Mode = "ok") -> Generator[Collector]:
    """A collector on a free port."""
    got = Collector(mode)
    server = _Server(got)
    got.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield got
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
