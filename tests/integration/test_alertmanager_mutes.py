"""What the shipped Alertmanager keeps back, asked of a real one: never the graver alert."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.alert import Severity
from tests.integration.test_prometheus_rules import rules

CONFIG = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"
LIMIT_S = 20.0
Labels = dict[str, str]


def _asked(url: str, posted: object = None) -> Any:
    body = None if posted is None else json.dumps(posted).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@pytest.fixture
def muted(tmp_path: Path) -> Iterator[Callable[[list[Labels]], set[str]]]:
    """The alerts, of those that fire, that nobody is told of: `NAME instance`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = (f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=")
    command = (f"--config.file={CONFIG}", f"--storage.path={tmp_path}", *own)
    api = f"http://127.0.0.1:{port}/api/v2/alerts"

    def ask(firing: list[Labels]) -> set[str]:
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                _asked(api, [{"labels": labels} for labels in firing])
                shown = _asked(api)
                if len(shown) == len(firing) and _settled(shown):
                    return {_name(one["labels"]) for one in shown if one["status"]["inhibitedBy"]}
            except OSError:
                pass
            if time.monotonic() > deadline:
                pytest.fail("Alertmanager gives no answer")
            time.sleep(0.1)

    with (tmp_path / "log").open("wb") as log:
        program = subprocess.Popen(("prometheus-alertmanager", *command), stdout=log, stderr=log)
    try:
        yield ask
    finally:
        program.terminate()
        program.wait(20)


def _settled(shown: list[dict[str, Any]]) -> bool:
    return all(one["status"]["state"] != "unprocessed" for one in shown)


def _name(labels: Labels) -> str:
    return f"{labels['alertname']} {labels.get('instance', '')}".strip()


def alert(name: str, **labels: str) -> Labels:
    (severity, *_) = (rule["labels"]["severity"] for rule in rules() if rule["alert"] == name)
    return {"alertname": name, "severity": severity, **labels}


def test_a_silent_host_mutes_its_own_janitor_and_nothing_else(muted) -> None:
    firing = [
        alert("HostSilent", instance="a"),
        alert("JanitorSilent", instance="a", host="a"),
        alert("JanitorSilent", instance="b", host="b"),
        alert("NoPollers", task_queue="assay-watch"),
        alert("DiskFull", instance="a", of="data"),
        alert("DiskFilling", instance="a", of="data"),
        alert("DiskFilling", instance="b", of="data"),
    ]
    assert muted(firing) == {"JanitorSilent a", "DiskFilling a"}


def test_no_worker_at_all_is_told_and_not_each_of_them(muted) -> None:
    firing = [
        alert("NoPollers", task_queue="assay-control"),
        alert("HostSilent", instance="a"),
        alert("HostSilent", instance="b"),
        alert("WatchSilent"),
    ]
    assert muted(firing) == {"HostSilent a", "HostSilent b", "WatchSilent"}


def test_what_is_graver_is_never_kept_back() -> None:
    ranks = {rule["alert"]: Severity(rule["labels"]["severity"]).rank for rule in rules()}
    for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]:
        (source,) = _named(rule["source_matchers"])
        for target in _named(rule["target_matchers"]):
            assert ranks[source] <= ranks[target], rule


def _named(matchers: list[str]) -> list[str]:
    (names,) = (text.partition("=")[2] for text in matchers if text.startswith("alertname"))
    return names.strip('~"').split("|")
