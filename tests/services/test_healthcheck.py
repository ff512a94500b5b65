"""The containers' health check against a real socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from analyzers.runtime.wire.healthcheck import main


@contextmanager
def answering(status: int, host: str = "127.0.0.1") -> Iterator[str]:
    """Port of a server whose `/ready` answers `status`, and anything else 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object):
            pass

    with HTTPServer((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield str(server.server_port)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (401, 1)])
def test_only_who_is_ready_is_healthy(status: int, code: int):
    with answering(status) as port:
        assert main([port]) == code
        assert main([port, "127.0.0.1", "/health"]) == 1


@pytest.mark.parametrize(
    ("listens", "asked"),
    [("127.0.0.5", "127.0.0.5"), ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "localhost")],
)
def test_it_is_asked_where_it_listens(listens: str, asked: str):
    with answering(200, listens) as port:
        assert main([port, asked]) == 0


def test_nobody_listening_is_not_healthy():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert main([str(probe.getsockname()[1])]) == 1


@pytest.mark.parametrize("arguments", [[], ["2001", "::1", "/ready", "2002"], ["http"]])
def test_a_wrong_call_says_how_it_is_called(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 1
    assert "usage: healthcheck.py PORT [HOST [PATH]]" in capsys.readouterr().err
