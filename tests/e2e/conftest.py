"""A local stack of its own for the end-to-end tests, driven as a user drives it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import pytest

from settings import Settings
from tests.support.written_report import Written, written

ROOT = Path(__file__).resolve().parents[2]
_LIMIT_S = 1_200


@dataclass(frozen=True)
class Assay:
    """A user's shell with one data folder."""

    data: Path
    extra_env: tuple[tuple[str, str], ...] = ()

    @property
    def env(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "ASSAY_"))}
        return {**env, **self._own, **dict(self.extra_env)}

    @property
    def _own(self) -> dict[str, str]:
        return {
            "ASSAY_DATA": str(self.data),
            "ASSAY_DASHBOARD_FLEETS": str(self.fleets),
            # Other suites run beside this one: neither waits for the load tests of the other.
            "ASSAY_LOAD_LOCK": str(self.data / "load.lock"),
            "NO_COLOR": "1",
        }

    @property
    def fleets(self) -> Path:
        """Folder below which a browser may choose fleets."""
        return self.data / "fleets"

    @property
    def alerts(self) -> Path:
        """Who is told of alerts: a webhook that does not answer, until a test writes another."""
        return self.data / "alerts.yaml"

    @property
    def scope(self) -> str:
        """What labels the containers of this data folder."""
        return Settings(data=self.data).scope_name

    def run(
        self, *arguments: str, timeout_s: float = 1_000, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "starter.py"), *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            input=typed,
        )
        if arguments[0] in ("down", "demo"):
            self._remove_socket_folder()
        return done

    def _remove_socket_folder(self) -> None:
        """What supervisord was called by: it lies in the temporary folder, which nobody empties."""
        with suppress(OSError):  # it never ran, or it runs still
            config = (self.data / "run" / "supervisord.conf").read_text()
            for name in re.findall(r"^file=(.+)$", config, re.MULTILINE):
                Path(name).parent.rmdir()

    def start(self, *arguments: str, background: bool = False) -> subprocess.Popen[str]:
        """A command that runs; in the background as a script starts it, without SIGINT."""
        command = [sys.executable, str(ROOT / "starter.py"), *arguments]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_ignore_sigint if background else None,
        )

    def temporal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        stack = json.loads((self.data / "run" / "stack.json").read_text())
        address = f"127.0.0.1:{stack['temporal_port']}"
        command = [str(Path(sys.executable).parent / "temporal"), *arguments, "--address", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def metrics(self) -> dict[str, str]:
        """What each part of the stack shows at `/metrics`: all six are asked, and are ready.

        An analyzer may still be at its first canaries.
        """
        stack = json.loads((self.data / "run" / "stack.json").read_text())
        ports = {"worker": stack["worker_port"], "dashboard": stack["dashboard_port"]}
        token = (self.data / "run" / "token").read_text().strip()
        shown: dict[str, str] = {}
        for part, port in (ports | stack["analyzers"]).items():
            asks = {} if part in ports else {"Authorization": f"Bearer {token}"}
            for route in ("health", "ready", "metrics"):
                url = f"http://127.0.0.1:{port}/{route}"
                answer = httpx.get(url, headers=asks, timeout=20, trust_env=False)
                starting = route == "ready" and part not in ports and "starting" in answer.text
                assert starting or answer.status_code == HTTPStatus.OK, (part, route, answer.text)
            shown[part] = answer.text
        return shown

    def report(self, pipeline_id: str) -> Written:
        return written(self.data, pipeline_id)

    def processes(self) -> list[str]:
        """Command lines of processes started for this data folder."""
        found: list[str] = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("ASSAY_STACK") == str(self.data):
                    found.append(" ".join(process.cmdline()))
            except (psutil.Error, OSError):
                continue
        return found


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make whole` runs both halves side by side; without the option, all tests run."""
    which = "tests of the shared stack alone, or all but them"
    parser.addoption("--stack", choices=("shared", "own"), help=which)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other half to another process, and give the rest time.

    Whole programs take minutes on a machine that is busy, or three times slower.
    """
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in here:
        item.add_marker(pytest.mark.timeout(_LIMIT_S))
    if half := config.getoption("--stack", None):
        shared = {item for item in here if "assay" in getattr(item, "fixturenames", ())}
        other = set(here) - shared if half == "shared" else shared
        items[:] = [item for item in items if item not in other]
        config.hook.pytest_deselected(items=list(other))


def _ignore_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(scope="session")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assay]:
    """A running stack, shared by the tests of this folder."""
    data = tmp_path_factory.mktemp("assay")
    shell = Assay(data, (("ASSAY_ALERTS_FILE", str(data / "alerts.yaml")),))
    webhook = "receivers:\n  - {name: test, type: webhook, url: 'http://127.0.0.1:9/'}\n"
    shell.alerts.write_text(webhook)
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    yield shell
    port = json.loads((shell.data / "run" / "stack.json").read_text())["dashboard_port"]
    down = shell.run("down")
    assert down.returncode == 0, down.stderr
    assert shell.processes() == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
