"""Versions of the workers on a real stack: a crash keeps the build, another code takes over."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import Assay

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
