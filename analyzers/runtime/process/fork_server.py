"""The fork server: one small program beside the analyzer that forks a process reaper per command.

This module starts the program, which is `reaper.py`, and sends it requests.
"""

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PROGRAM = Path(__file__).with_name("reaper.py")
_LIMIT_S = 10.0  # a message takes a millisecond; a program that takes none any more is replaced


def request_of(argv: Sequence[str], env: Mapping[str, str], file_bytes: int) -> bytes:
    """The message that tells a reaper which tool to run.

    Raises:
        ValueError: a word contains a NUL.
    """
    settings = [f"{name}={value}" for name, value in env.items()]
    words = [str(file_bytes), str(len(argv)), *argv, *settings]
    if any("\0" in word for word in words):
        raise ValueError("embedded null byte")
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def in_memory(name: str, data: bytes) -> int:
    """Descriptor of a file in memory that holds `data`, positioned at its beginning."""
    fd = os.memfd_create(name)
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


@dataclass(slots=True)
class ForkServer:
    """The program that forks reapers: started at the first request, and again when it is gone."""

    _process: subprocess.Popen[bytes] | None = None
    _socket: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, fds: Sequence[int]) -> None:
        """Have a reaper start and watch a tool.

        Args:
            fds: the descriptors that `reaper.FDS` names, in that order. The caller closes them.

        Raises:
            OSError: the program does not start.
        """
        with self._lock:
            if self._socket is not None:
                try:
                    socket.send_fds(self._socket, [b"+"], fds)
                    return
                except OSError:  # somebody killed the program; reapers at work do not need it
                    self._end()
            socket.send_fds(self._start(), [b"+"], fds)

    def stop(self) -> None:
        """End the program. Reapers at work end with the analyzer."""
        with self._lock:
            self._end()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={},  # a tool can read the environment of its parent
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        ours.settimeout(_LIMIT_S)
        self._socket = ours
        return ours

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()  # nothing depends on it but the socket
            self._process.wait()
        self._socket = self._process = None


FORK_SERVER = ForkServer()
atexit.register(FORK_SERVER.stop)
