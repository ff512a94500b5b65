"""The proxy has the effects that the faults describe."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.chaos.proxy import Mode, Proxy

PATIENCE_S = 5.0


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(65_536):
                        connection.sendall(data)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    one = Proxy(echo)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S)) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        yield connection


def test_it_forwards_and_ends_with_the_client(client: socket.socket):
    client.sendall(b"again")
    assert client.recv(5) == b"again"
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_a_stalled_connection_stays_open_and_silent(proxy: Proxy, client: socket.socket):
    proxy.set(Mode.STALL)
    client.sendall(b"lost?")
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(5)

    proxy.set(Mode.PASS)
    client.settimeout(PATIENCE_S)
    assert client.recv(5) == b"lost?"


def test_a_reset_breaks_what_is_open_and_nothing_else(proxy: Proxy, client: socket.socket):
    assert proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        client.recv(1)

    with closing(socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S)) as second:
        second.sendall(b"fine")
        assert second.recv(4) == b"fine"


def test_a_truncated_answer_ends_in_the_middle(proxy: Proxy, client: socket.socket):
    proxy.set(Mode.TRUNCATE, cut_after=3)
    client.sendall(b"abcdef")
    got = b""
    with pytest.raises(ConnectionResetError):
        while True:
            block = client.recv(6)
            if not block:
                raise ConnectionResetError
            got += block
    assert got in (b"", b"abc")  # a reset may overtake bytes that were not read yet


def test_a_delayed_answer_still_comes_whole(proxy: Proxy, client: socket.socket):
    proxy.set(Mode.DELAY)
    client.sendall(b"late")
    assert client.recv(4) == b"late"


def test_a_dead_upstream_is_a_reset(echo: int, proxy: Proxy):
    proxy.upstream = 1
    with pytest.raises(ConnectionResetError):
        first_byte(proxy.port)


def first_byte(port: int) -> bytes:
    with closing(socket.socket()) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", port))
        return connection.recv(1)
