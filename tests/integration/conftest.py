"""A private PostgreSQL server and a private Docker runtime for the tests that need real ones."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from clients.docker.firewall import Firewall
from contract.ids import LABEL_SCOPE
from tests.support.docker_bench import Bench

_START_LIMIT_S = 30


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with _bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def neighbour(tmp_path: Path) -> AsyncIterator[Bench]:
    """Another installation on the same engine."""
    async with _bench(tmp_path) as bench:
        yield bench


@asynccontextmanager
async def _bench(root: Path) -> AsyncGenerator[Bench]:
    bench = Bench(root)
    try:
        yield bench
    finally:
        for workflow_id in await bench.runtime.owned_workflows():
            await bench.runtime.teardown(workflow_id)
        left = bench.leftovers()
        for image in bench.engine.images.list(
            all=False, filters={"label": f"{LABEL_SCOPE}={bench.scope}"}
        ):
            bench.engine.images.remove(image.id, force=True)
        bench.engine.close()
        await Firewall(IPv4Network(bench.pool), names=True).remove()
        await bench.runtime.close()
    assert left == []


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """`host:port` of a server on 127.0.0.1 whose data folder is removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    account = _account()
    if account:
        shutil.chown(folder, account["user"], account["group"])
    port = _free_port()
    _initialise(folder, account)
    server = subprocess.Popen(_server_argv(folder, port), cwd=folder, **account)
    try:
        _wait_until_ready(server, port)
        yield f"127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # "fast": open sessions are cut
        server.wait(timeout=_START_LIMIT_S)
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL for a database of this test's own, which is not there yet and goes with the server.

    To drop one takes PostgreSQL as long as most tests: it writes everything to disk first.
    """
    return f"postgresql://postgres@{postgres_server}/assay_{uuid.uuid4().hex[:12]}"


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; elsewhere the current user will do."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _binary(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    assert found, f"no {name}: apt-get install postgresql"
    return found


def _initialise(folder: Path, account: dict[str, Any]) -> None:
    argv = [_binary("initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"]
    argv += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(argv, check=True, capture_output=True, cwd=folder, **account)


def _server_argv(folder: Path, port: int) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "logging_collector": "off",
        "log_min_messages": "fatal",
    }
    argv = [_binary("postgres"), "-D", str(folder / "data")]
    return argv + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    ready = [_binary("pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    ready += ["--username", "postgres"]
    while subprocess.run(ready, check=False).returncode != 0:
        assert server.poll() is None, f"PostgreSQL exited with {server.returncode}"
        assert time.monotonic() < deadline, "PostgreSQL did not become ready"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
