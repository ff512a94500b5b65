"""Versions of the workers: on the local stack, and on a server of one's own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.stack.supervision import DYNAMIC_CONFIG
from tests.conftest import TEMPORAL
from tests.e2e.conftest import ROOT, Assay

PATIENCE_S = 90


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Assay]:
    shell = Assay(tmp_path)
    yield shell
    shell.run("down")


def build(shell: Assay) -> str:
    return json.loads((shell.data / "run" / "stack.json").read_text())["build_id"]


def drained(shell: Assay) -> dict[str, dict[str, object]]:
    status = json.loads(shell.run("deployment", "drain-status", "--json").stdout)
    return {one["build_id"]: one for one in status["versions"]}


def test_a_pipeline_outlives_its_worker_and_then_its_code(shell: Assay) -> None:
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    first = build(shell)
    assert first.startswith("0.")
    assert f"pipelines begin on build {first}" in shell.run("deployment", "current").stdout
    submitted = shell.run("submit", "controls/demo.yaml", "--id", "d1", "--priority", "low")
    assert submitted.returncode == 0, submitted.stderr
    _kill_worker(shell)
    assert shell.run("pause", "d1").returncode == 0
    assert drained(shell)[first]["pipelines"] == 1
    assert json.loads(shell.run("status", "d1", "--json").stdout)["build_id"] == first

    assert shell.run("down").returncode == 0
    other = replace(shell, extra_env=(("ASSAY_BUILD_ID", "other"),))
    up = other.run("up")

    assert up.returncode == 0, up.stderr
    assert f"new pipelines begin on build other (before: {first})" in up.stderr
    assert "d1 began on build" in up.stderr
    doctor = json.loads(other.run("doctor", "--json").stdout)["checks"]
    assert [one["ok"] for one in doctor if one["name"] == "versions of the workers"] == [True]
    status = json.loads(other.run("status", "d1", "--json").stdout)
    assert (status["build_id"], status["priority"], status["phase"]) == ("other", "low", "paused")
    assert other.run("priority", "d1", "urgent").returncode == 0
    assert json.loads(other.run("status", "d1", "--json").stdout)["priority"] == "urgent"
    refused = other.run("deployment", "rollback")
    assert "cannot be current now" in refused.stderr, "its workers are gone"
    assert other.run("cancel", "d1").returncode == 0
    assert other.run("watch", "d1").returncode != 0, "it is cancelled, and has ended"


def _kill_worker(shell: Assay) -> None:
    (worker,) = _workers(shell)
    worker.kill()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if any(one.pid != worker.pid for one in _workers(shell)):
            return
        time.sleep(0.2)
    raise AssertionError("supervisord starts no other worker")


def _workers(shell: Assay) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ASSAY_STACK") == str(shell.data) and any(
                part.endswith("/worker.py") for part in process.cmdline()
            ):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Assay]:
    """A user with a server of their own, on which nothing works yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = [part for value in DYNAMIC_CONFIG for part in ("--dynamic-config-value", value)]
    command = [TEMPORAL, "server", "start-dev", "--headless", "--port", str(port), *flags]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    nobody = json.dumps(dict.fromkeys(("static", "dynamic", "performance", "ai"), "ws://[::1]:9"))
    env = (("TEMPORAL_ADDRESS", f"127.0.0.1:{port}"), ("ASSAY_ANALYZER_URLS", nobody))
    try:
        yield Assay(tmp_path, (*env, ("ASSAY_HOST", "own"), ("ASSAY_ENGINE", "process")))
    finally:
        server.kill()
        server.wait()


@contextmanager
def worker(shell: Assay, build_id: str, **more: str) -> Generator[subprocess.Popen[bytes]]:
    """A worker of this build, killed at the end."""
    log = (shell.data / "worker.log").open("ab")
    env = shell.env | {"ASSAY_BUILD_ID": build_id} | more
    started = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=env, stderr=log)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        log.close()


def told(shell: Assay, *arguments: str) -> dict[str, object]:
    done = shell.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def becomes_current(shell: Assay, build_id: str) -> None:
    """Wait until what begins, begins on this build, without anybody's command."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        done = shell.run("deployment", "current")
        if f"pipelines begin on build {build_id}" in done.stdout:
            return
        assert time.monotonic() < deadline, done.stdout + done.stderr


def submitted(shell: Assay, name: str) -> None:
    spec = shell.data / "spec.yaml"
    root = ROOT / "controls"
    spec.write_text(
        f"apps: {{root: {root}, only: [careful-1/app1], trusted: true}}\n"
        "analyzers: [static]\ncontrols: off\n"
    )
    done = shell.run("submit", str(spec), "--id", name)
    assert done.returncode == 0, done.stderr


def builds(shell: Assay, **wanted: str) -> None:
    """Wait until each of these pipelines is on its build; the server's list lags a little."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + PATIENCE_S
    while found != wanted:
        assert time.monotonic() < deadline, found
        lines: Any = told(shell, "status")["pipelines"]
        found = {line["id"]: line["build_id"] for line in lines}


def test_on_a_server_of_ones_own_a_release_is_current_by_itself_or_by_command(own: Assay) -> None:
    with ExitStack() as old:
        old.enter_context(worker(own, "A"))
        becomes_current(own, "A")
        submitted(own, "first")
        builds(own, first="A")
        with worker(own, "B", ASSAY_MAKE_CURRENT="false"):
            assert told(own, "deployment", "set-current", "B")["former"] == "A"
            submitted(own, "second")
            builds(own, first="A", second="B")
            old.close()
            moved = told(own, "deployment", "move", "A")
            builds(own, first="B", second="B")

    assert moved["pipelines"] == ["first"]
