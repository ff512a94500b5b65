"""A fault reaches a webhook and so does its end: by Assay alone, and by a real Prometheus.

The parts are real: server, worker process, analyzer process (with one small tool), Prometheus,
Alertmanager. The fault: the analyzer is killed.
"""

import asyncio
import json
import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client

from contract.analyzers import AnalyzerKind
from control.alerts import firing_alerts
from control.stored import Stored
from tests.support.receivers import Hook, alerts_file, hook

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
PATIENCE_S = 120.0


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@asynccontextmanager
async def process(
    folder: Path, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is stopped at the end; what it says is in `NAME.log`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "TEMPORAL_"))}
    with (folder / f"{name}.log").open("ab") as log:
        program = await asyncio.create_subprocess_exec(
            *map(str, command), cwd=ROOT, env={**clean, **(env or {})}, stdout=log, stderr=log
        )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.terminate()
            try:
                async with asyncio.timeout(20):
                    await program.wait()
            except TimeoutError:
                program.kill()
                await program.wait()


def analyzer(folder: Path, port: int):
    """An analyzer's real service with one small tool."""
    options = ("--port", str(port), "--data", folder / "analyzer", "--tools-dir", folder)
    command = (sys.executable, "-m", "tests.support.demo_analyzer", *options)
    return process(folder, "analyzer", command)


async def answers(url: str, wanted: str = "") -> None:
    """Until something answers there, and says `wanted`."""

    def ask() -> str:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.read().decode()

    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if wanted in await asyncio.to_thread(ask):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.1)


async def until(condition: Any, *logs: Path) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail("\n".join(f"{log}:\n{log.read_text()[-3_000:]}" for log in logs))


class Installation:
    """A worker of its own and what it needs."""

    def __init__(self, folder: Path, client: Client, analyzer_port: int, alerts: Path) -> None:
        self.folder = folder
        urls = {kind.value: "ws://127.0.0.1:9" for kind in AnalyzerKind}
        urls["static"] = f"ws://127.0.0.1:{analyzer_port}"
        self.env = {
            "TEMPORAL_ADDRESS": client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": client.namespace,
            "ASSAY_DATA": str(folder / "data"),
            "ASSAY_ENGINE": "process",
            "ASSAY_HOST": "alerting",
            "ASSAY_ANALYZER_URLS": json.dumps(urls),
            "ASSAY_ALERTS_FILE": str(alerts),
            "ASSAY_ALERTS_EVERY_S": "1",
        }

    @property
    def stored(self) -> Stored:
        return Stored(f"sqlite:///{self.folder / 'data' / 'assay.db'}", in_use=lambda: True)

    def worker(self):
        return process(self.folder, "worker", (sys.executable, "worker.py"), self.env)

    async def command(self, *words: str) -> tuple[int, Any]:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "starter.py", "alerts", *words, "--json"),
            cwd=ROOT,
            env={**os.environ, **self.env},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await program.communicate()
        return program.returncode or 0, json.loads(out)


def about(receiver: Hook, status: str) -> list[dict[str, Any]]:
    """What a webhook was told of the analyzer that was killed."""
    return [
        body
        for body in receiver.bodies
        if (body["name"], body["status"]) == ("AnalyzerAway", status)
    ]


async def test_a_fault_is_told_once_and_its_end_once_by_assay_alone(
    tmp_path: Path, temporal_client: Client
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        flaky = await stack.enter_async_context(hook(500, "hang", 200))
        steady = await stack.enter_async_context(hook())
        file = alerts_file(
            tmp_path,
            [
                {"name": "flaky", "type": "webhook", "url": flaky.url},
                {"name": "steady", "type": "webhook", "url": steady.url},
            ],
        )
        here = Installation(tmp_path, temporal_client, port, file)
        log = tmp_path / "worker.log"
        killed = await stack.enter_async_context(analyzer(tmp_path, port))
        await answers(f"http://127.0.0.1:{port}/health", '"ok":true')
        async with here.worker() as first:
            await until(lambda: " works" in log.read_text(), log)
            while (await firing_alerts(here.stored)).looked_at is None:
                await asyncio.sleep(0.2)
            killed.send_signal(signal.SIGKILL)
            await until(lambda: about(flaky, "firing")[2:] and about(steady, "firing"), log)
            code, listed = await here.command("list")
            first.terminate()  # another worker goes on with what the store has
            await first.wait()
        assert code == 0
        assert [one["name"] for one in listed["alerts"]] == ["AnalyzerAway"]
        async with here.worker():
            await until(lambda: log.read_text().count(" works") == 2, log)
            await asyncio.sleep(3)  # it looks each second, and tells nobody a second time
            await stack.enter_async_context(analyzer(tmp_path, port))
            await until(lambda: about(flaky, "resolved") and about(steady, "resolved"), log)
            await asyncio.sleep(2)
            tested, told = await here.command("test")
        await temporal_client.get_schedule_handle("assay-alerts").delete()
    assert (len(about(steady, "firing")), len(about(steady, "resolved"))) == (1, 1)
    # The webhook that failed twice got one notice, three times tried, with one ID.
    assert len({body["id"] for body in about(flaky, "firing")}) == 1
    assert (len(about(flaky, "firing")), len(about(flaky, "resolved"))) == (3, 1)
    assert about(flaky, "resolved")[0]["began_at"] == about(flaky, "firing")[0]["began_at"]
    assert (tested, [one["why"] for one in told["receivers"]]) == (0, ["", ""])
    assert {body["name"] for body in steady.bodies} == {"AnalyzerAway", "Test"}


def configured(folder: Path, analyzer_port: int, manager_port: int) -> Path:
    """The configuration that is shipped, quicker: nothing else is changed."""
    text = (PROMETHEUS / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(text.replace("15s", "1s"))
    for name in ("rules", "targets"):
        (folder / name).mkdir()
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        quicker = re.sub(r"for: \d+m", "for: 1s", path.read_text())
        (folder / "rules" / path.name).write_text(quicker)
    for name, port in (("analyzers", analyzer_port), ("alertmanagers", manager_port)):
        targets = [{"targets": [f"127.0.0.1:{port}"]}]
        (folder / "targets" / f"{name}.yml").write_text(yaml.safe_dump(targets))
    return folder / "prometheus.yml"


def managed(folder: Path, url: str) -> Path:
    config = {
        "route": {
            "receiver": "hook",
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
            "group_by": ["alertname"],
            "routes": [{"matchers": ['alertname!="AnalyzerAway"'], "receiver": "nobody"}],
        },
        "receivers": [
            {"name": "hook", "webhook_configs": [{"url": url, "send_resolved": True}]},
            {"name": "nobody"},
        ],
    }
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return folder / "alertmanager.yml"


async def test_a_fault_reaches_a_webhook_through_prometheus_and_alertmanager(
    tmp_path: Path,
) -> None:
    port, manager, web = free_port(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(hook())
        killed = await stack.enter_async_context(analyzer(tmp_path, port))
        programs = {
            "prometheus-alertmanager": (
                f"--config.file={managed(tmp_path, receiver.url)}",
                f"--storage.path={tmp_path / 'manager'}",
                f"--web.listen-address=127.0.0.1:{manager}",
                "--cluster.listen-address=",
            ),
            "prometheus": (
                f"--config.file={configured(tmp_path, port, manager)}",
                f"--storage.tsdb.path={tmp_path / 'series'}",
                f"--web.listen-address=127.0.0.1:{web}",
            ),
        }
        for name, options in programs.items():
            await stack.enter_async_context(process(tmp_path, name, (name, *options)))
        up = f"http://127.0.0.1:{web}/api/v1/query?query=up%7Bjob%3D%22assay-analyzer%22%7D"
        await answers(up, '"1"')
        log = tmp_path / "prometheus.log"
        killed.send_signal(signal.SIGKILL)
        await until(lambda: "firing" in [body["status"] for body in receiver.bodies], log)
        await stack.enter_async_context(analyzer(tmp_path, port))
        await until(lambda: receiver.bodies[-1]["status"] == "resolved", log)
    first = receiver.bodies[0]
    (alert,) = first["alerts"]
    assert first["status"] == "firing"
    assert alert["labels"] | {"job": "assay-analyzer"} == alert["labels"]
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#analyzeraway"
    assert f"127.0.0.1:{port}" in alert["annotations"]["summary"]
