"""A collector of traces: takes OTLP over HTTP as a real one does, or misbehaves."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


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

    mode: Literal["ok", "500", "hang"] = "ok"
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
        while span := above.get(span.parent):
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


@contextmanager
def collector(mode: Literal["ok", "500", "hang"] = "ok") -> Iterator[Collector]:
    """A collector on a free port."""
    got, over = Collector(mode), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.requests += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if got.mode == "hang":
                over.wait(60)
                return
            if got.mode == "ok":
                got.take(body)
            self.send_response(200 if got.mode == "ok" else 500)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    got.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield got
    finally:
        over.set()
        server.shutdown()
        server.server_close()
