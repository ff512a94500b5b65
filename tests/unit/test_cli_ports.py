"""Stacks that start at the same moment get different ports."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.errors import UserError
from cli.stack.ports import reserved_ports


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_port_that_another_stack_chose_and_does_not_listen_on_yet_is_taken():
    wanted = free_port()
    with reserved_ports() as first, reserved_ports() as second:
        assert first.choose(wanted) == wanted
        assert second.choose(wanted) != wanted
    with reserved_ports() as third:
        assert third.choose(wanted) == wanted


def test_one_stack_never_gets_a_port_twice():
    wanted = free_port()
    with reserved_ports() as ports:
        chosen = [ports.choose(wanted) for _ in range(20)]
    assert len(set(chosen)) == 20
    assert chosen[0] == wanted


def test_a_port_somebody_listens_on_is_not_chosen():
    with socket.socket() as listener, reserved_ports() as ports:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert ports.choose(listener.getsockname()[1]) != listener.getsockname()[1]


def test_a_starter_that_was_killed_keeps_no_port(tmp_path: Path):
    wanted = free_port()
    script = (
        "import sys; from cli.stack.ports import reserved_ports\n"
        "with reserved_ports() as ports:\n"
        f"    print(ports.choose({wanted}), flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    ) as other:
        assert other.stdout
        assert int(other.stdout.readline()) == wanted
        with reserved_ports() as ports:
            assert ports.choose(wanted) != wanted
        other.kill()
        other.wait()
        with reserved_ports() as ports:
            assert ports.choose(wanted) == wanted


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(UserError, match="Not a directory") as caught, reserved_ports():
        pass
    assert "TMPDIR" in caught.value.next_step
