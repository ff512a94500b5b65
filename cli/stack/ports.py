"""Reserves ports for a stack that starts, until its programs listen on them."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.errors import UserError
from cli.exits import Exit

_TRIES = 50


@dataclass(frozen=True, slots=True)
class Ports:
    """Chooses ports on loopback; each stays reserved until the block of `reserved_ports` ends."""

    folder: Path
    _locks: ExitStack = field(default_factory=ExitStack)

    def choose(self, preferred: int) -> int:
        """`preferred` if nobody has it, else any free port. Raises: UserError: there is none."""
        for candidate in (preferred, *(0 for _ in range(_TRIES))):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", candidate))
                except OSError:
                    continue
                port = int(probe.getsockname()[1])
                if self._is_mine(port):
                    return port
        raise UserError(
            "no free port on 127.0.0.1",
            next_step="stop some listeners and try again",
            code=Exit.UNAVAILABLE,
        )

    def _is_mine(self, port: int) -> bool:
        """Whether this process got the port's lock; the kernel frees it when the process ends."""
        lock = self._locks.enter_context((self.folder / str(port)).open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def reserved_ports() -> Generator[Ports]:
    """Ports chosen inside are kept from other stacks of this user that start meanwhile.

    Raises:
        UserError: the folder for temporary files cannot be written.
    """
    folder = Path(tempfile.gettempdir()) / f"assay-ports-{os.getuid()}"
    with ExitStack() as locks:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                raise PermissionError(1, "belongs to somebody else")
        except OSError as error:
            raise UserError(
                f"{folder}: {error.strerror}",
                next_step="set TMPDIR to a writable folder",
                code=Exit.UNAVAILABLE,
            ) from error
        yield Ports(folder, locks)


def require_free(variable: str, host: str, port: int) -> None:
    """Refuse an address that somebody sets and nobody can listen on.

    Raises:
        UserError: it is taken, or none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"{variable} {host}:{port}: {error.strerror}",
                next_step="choose another, or leave it out: a free one is taken then",
                code=Exit.UNAVAILABLE,
            ) from error
