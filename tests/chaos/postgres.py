"""A PostgreSQL server that can be killed and brought back."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def binary(name: str) -> str | None:
    """Path of a PostgreSQL program of the newest installed version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))


@dataclass(slots=True)
class Postgres:
    """A server on 127.0.0.1 with its data below `folder`."""

    folder: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `ASSAY_DB_URL`."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make the data folder and choose a port, which stays."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        argv = [str(binary("initdb")), "--pgdata", str(self.folder / "data"), "--no-sync"]
        argv += ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale"]
        subprocess.run(argv, check=True, capture_output=True, cwd="/", **_account())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers."""
        argv = [str(binary("postgres")), "-D", str(self.folder / "data"), "-p", str(self.port)]
        for setting in (
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "log_min_messages=fatal",
        ):
            argv += ["-c", setting]
        self._process = process = subprocess.Popen(
            argv, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_account()
        )
        ready = [str(binary("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + 30
        while subprocess.run(ready, check=False).returncode != 0:
            assert process.poll() is None, f"PostgreSQL exited: {process.returncode}"
            assert time.monotonic() < deadline, "PostgreSQL did not become ready"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it: sessions are cut, nothing is written, recovery follows at the next start."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def stop(self) -> None:
        """End it and remove its data."""
        if self._process and self.is_running:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def _account() -> dict[str, Any]:
    """The account for PostgreSQL, which refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
