"""The dashboard of a real local stack: its address is told, and it outlives what dies."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.conftest import ROOT, Assay

_PATIENCE_S = 300


@pytest.fixture
def address(assay: Assay) -> str:
    stack = json.loads((assay.data / "run" / "stack.json").read_text())
    return f"http://127.0.0.1:{stack['dashboard_port']}"


def test_up_and_doctor_tell_where_it_is(assay: Assay, address: str):
    told = json.loads(assay.run("up", "--json").stdout)
    lines = assay.run("up").stdout
    checks = json.loads(assay.run("doctor", "--json").stdout)["checks"]

    assert (told["started"], told["dashboard"]) == (False, address)
    assert f"dashboard:   {address}" in lines
    assert [c["detail"] for c in checks if c["name"] == "dashboard" and c["ok"]] == [address]


def test_it_comes_back_at_the_same_address_when_it_is_killed(assay: Assay, address: str):
    assert ask(address, "/pipelines").status_code == HTTPStatus.OK
    (before,) = processes(assay, "starter.py", "dashboard")

    before.kill()
    before.wait(10)

    wait_for(lambda: answers(f"{address}/health"))
    (after,) = processes(assay, "starter.py", "dashboard")
    assert after.pid != before.pid
    assert ask(address, "/pipelines").status_code == HTTPStatus.OK


def test_a_pipeline_is_shown_from_submit_to_end_though_its_worker_dies(
    assay: Assay, address: str, tmp_path: Path
):
    spec = tmp_path / "shown.yaml"
    spec.write_text(
        f"apps: {{root: {ROOT}/controls, models: [careful-1], numbers: [1]}}\ncache: false\n"
        "analyzers: [static]\ntools: {static: [pylint, bandit]}\n"
    )
    name = f"shown-{time.time_ns()}"
    submitted = json.loads(assay.run("submit", str(spec), "--id", name, "--json").stdout)
    assert submitted["dashboard"] == f"{address}/pipelines/{name}"

    (worker,) = processes(assay, "worker.py")
    worker.kill()
    worker.wait(10)

    wait_for(lambda: name in ask(address, "/pipelines").text)  # while nobody works
    assert assay.run("watch", name).returncode == 0
    page = ask(address, f"/pipelines/{name}")
    assert page.status_code == HTTPStatus.OK
    assert "completed" in page.text


def ask(address: str, path: str) -> httpx.Response:
    """What the dashboard answers to somebody on this machine."""
    return httpx.get(f"{address}{path}", timeout=20, trust_env=False)


def answers(url: str) -> bool:
    """Whether anything answers there."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def processes(assay: Assay, *words: str) -> list[psutil.Process]:
    """The stack's processes with these words at the ends of the first parts of their lines."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            own = process.environ().get("ASSAY_STACK") == str(assay.data)
            parts = process.cmdline()[1 : 1 + len(words)]
        except (psutil.Error, OSError):
            continue
        if own and len(parts) == len(words) and all(map(str.endswith, parts, words)):
            found.append(process)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
