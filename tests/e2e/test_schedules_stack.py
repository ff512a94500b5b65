"""A schedule on a running stack: a worker that dies, and one notice of what is new."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.e2e.conftest import Assay
from tests.e2e.test_dashboard_stack import processes

_PATIENCE_S = 300
SAFE = "def total(prices):\n    return sum(prices)\n"
FLAW = "import subprocess\n\n\ndef run(line):\n    return subprocess.call(line, shell=True)\n"


@pytest.fixture
def told(assay: Assay) -> Iterator[list[dict[str, Any]]]:
    """What a webhook of the alerts file gets."""
    got: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            got.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    before = assay.alerts.read_text()
    assay.alerts.write_text(before.replace(":9/", f":{server.server_port}/"))
    yield got
    assay.alerts.write_text(before)
    server.shutdown()
    server.server_close()


def shown(assay: Assay, name: str) -> dict[str, Any]:
    done = assay.run("schedule", "show", name, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for(assay: Assay, name: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    while not wanted(found := shown(assay, name)):
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    return found


def test_each_run_is_one_pipeline_and_a_planted_flaw_is_told_once(
    assay: Assay, tmp_path: Path, told: list[dict[str, Any]]
):
    app = tmp_path / "fleet" / "shop" / "app1" / "app.py"
    app.parent.mkdir(parents=True)
    app.write_text(SAFE)
    spec = tmp_path / "scan.yaml"
    name = f"scan-{time.time_ns()}"
    spec.write_text(
        "apps: {root: fleet}\nanalyzers: [static]\ntools: {static: [bandit]}\ncontrols: 'off'\n"
        f"schedule: {{name: {name}, every: 10s}}\n"
    )
    added = assay.run("schedule", "add", str(spec), "--json")
    assert added.returncode == 0, added.stderr
    assert len(json.loads(added.stdout)["next"]) == 10
    wait_for(assay, name, lambda one: any(run["state"] == "completed" for run in one["runs"]))

    app.write_text(FLAW)
    wait_for(assay, name, lambda one: bool(one["running"]))
    (worker,) = processes(assay, "worker.py")
    worker.kill()

    def has_run_since(one: dict[str, Any]) -> bool:
        new = [run for run in one["runs"] if (run["comparison"] or {}).get("new")]
        return bool(new) and one["runs"][0]["state"] == "completed" and one["runs"][0] not in new

    ended = wait_for(assay, name, has_run_since)
    # A receiver that was away in tests before this one hears of that first, within a minute or two.
    # The same receiver hears of alerts: what a tool lacks here, what other tests broke.
    deadline = time.monotonic() + _PATIENCE_S
    while not (news := [notice for notice in told if "schedule" in notice["labels"]]):
        assert time.monotonic() < deadline, (told, assay.run("alerts").stdout)
        time.sleep(0.3)
    removed = assay.run("schedule", "remove", name, "--cancel", "--json")
    gone = assay.run("schedule", "show", name)
    listed = json.loads(assay.run("status", "--json").stdout)["pipelines"]

    runs = [run for run in reversed(ended["runs"]) if run["state"] == "completed"]
    names = [run["pipeline_id"] for run in runs]
    assert [run["comparison"]["then"] for run in runs] == ["", *names[:-1]]
    assert sum(run["comparison"]["new"] for run in runs) == 1
    news = [notice for notice in told if "schedule" in notice["labels"]]
    assert [(notice["name"], notice["labels"]["schedule"]) for notice in news] == [
        ("NewHighFindings", name)
    ]
    assert "shop/app1: high" in news[0]["detail"]
    assert removed.returncode == 0
    assert (gone.returncode, f"no schedule {name}" in gone.stderr) == (2, True)
    mine = [line["id"] for line in listed if line["id"].startswith(name)]
    assert set(names) <= set(mine), "its pipelines stay"
    assert len(mine) == len(set(mine))
