"""The local stack's files: whole or not there, whatever the disk does."""

import errno
import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from cli.errors import UserError
from cli.stack import lifecycle as stacks
from cli.stack import readiness, records
from cli.stack.model import Stack
from cli.stack.ports import reserved_ports
from cli.stack.readiness import analyzer_health
from cli.stack.supervision import render_config
from contract.analyzers import AnalyzerKind
from contract.backup import SWAPPING
from settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where supervisord's folder is made
    return Settings(_env_file=None, data=tmp_path / "data")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def publish(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(records, "publish", publish)
        yield


def prepared(settings: Settings) -> Stack:
    settings.data_dir.joinpath("run").mkdir(parents=True, exist_ok=True)
    with reserved_ports() as ports:
        return stacks._prepare(settings, ports)


def test_a_full_disk_is_named_and_leaves_no_half_written_secret(
    settings: Settings, full_disk: None
) -> None:
    with pytest.raises(UserError, match="No space left") as caught:
        prepared(settings)

    assert "ASSAY_DATA" in caught.value.next_step
    assert list((settings.data_dir / "run").iterdir()) == []


def test_a_restore_that_ended_half_way_is_not_started(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / SWAPPING).touch()

    with pytest.raises(UserError, match="half-way") as caught:
        stacks.start_stack(settings, lambda _: None, Event())

    assert "restore BACKUP --force" in caught.value.next_step


def test_a_restored_stack_asks_for_the_ports_that_it_had(settings: Settings) -> None:
    before = prepared(settings)
    other = settings.data_dir.with_name("other")
    records.remember_ports(other, records.ports_of(before))

    found = records.recorded_stack(settings.model_copy(update={"data": other}))
    assert found is not None
    assert records.ports_of(found) == records.ports_of(before)
    assert found.data_dir == str(other)


def test_a_disk_that_fills_up_at_launch_is_named(
    settings: Settings, request: pytest.FixtureRequest
) -> None:
    stack = prepared(settings)
    request.getfixturevalue("full_disk")

    with pytest.raises(UserError, match="No space left"):
        stacks._launch(stack, settings)


def test_an_empty_secret_is_written_anew_and_a_good_one_stays(settings: Settings) -> None:
    run_dir = settings.data_dir / "run"
    run_dir.mkdir(parents=True)
    (run_dir / "token").touch()

    first = prepared(settings).token_file.read_text()
    second = prepared(settings).token_file.read_text()

    assert len(first) > 20
    assert first == second


def test_the_secret_is_for_its_owner_alone(settings: Settings) -> None:
    assert prepared(settings).token_file.stat().st_mode & 0o077 == 0


def test_the_ports_are_kept_for_the_next_start(settings: Settings) -> None:
    before = prepared(settings)

    assert prepared(settings).analyzers == before.analyzers
    assert json.loads((before.run_dir / "stack.json").read_text())["ui_port"] == before.ui_port


def test_a_port_in_use_is_left_to_its_owner(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        taken = owner.getsockname()[1]
        run_dir = settings.data_dir / "run"
        run_dir.mkdir(parents=True)
        before = Stack(str(settings.data_dir), taken, taken, dict.fromkeys(AnalyzerKind, taken))
        (run_dir / "stack.json").write_text(json.dumps(asdict(before)))

        stack = prepared(settings)

    assert taken not in {stack.temporal_port, stack.ui_port, *stack.analyzers.values()}


def test_the_worker_gets_a_port_of_its_own_and_one_that_is_set_is_kept(settings: Settings) -> None:
    stack = prepared(settings)
    given = environment_of(stack, settings, "worker")
    with socket.create_server(("127.0.0.1", 0)) as owner:
        taken = f"127.0.0.1:{owner.getsockname()[1]}"
        chosen = settings.model_copy(update={"metrics_address": taken})

        with pytest.raises(UserError, match=f"ASSAY_METRICS_ADDRESS {taken}"):
            prepared(chosen)
    after = prepared(chosen)

    assert stack.worker_port > 0
    assert given == f'ASSAY_METRICS_ADDRESS="127.0.0.1:{stack.worker_port}"'
    assert after.worker_url == f"http://{taken}"
    assert environment_of(after, chosen, "worker") == ""  # it has it from whoever set it


def test_a_stack_of_an_earlier_version_shows_no_figures_of_its_worker(settings: Settings) -> None:
    before = asdict(prepared(settings))
    del before["worker_port"], before["worker_host"]

    assert Stack(**before).worker_url == ""


def environment_of(stack: Stack, settings: Settings, program: str) -> str:
    parsed = RawConfigParser()
    parsed.read_string(render_config(stack, settings, Path("/tmp/s.sock")))
    return parsed[f"program:{program}"]["environment"]


class Service(BaseHTTPRequestHandler):
    """Something on the port of the static analyzer."""

    health = ""
    token = ""

    def do_GET(self) -> None:
        trusted = self.headers.get("Authorization") == f"Bearer {self.token}"
        self.send_response(200 if self.path == "/health" or trusted else 401)
        self.end_headers()
        self.wfile.write(self.health.encode())

    def log_message(self, *_: object) -> None:
        pass


HEALTH = '{"analyzer": "static", "ok": false, "reason": "starting"}'


@pytest.mark.parametrize(
    ("health", "token", "ours"),
    [
        (HEALTH, "", True),
        (HEALTH, "of another installation", False),
        (HEALTH.replace("static", "dynamic"), "", False),
        ("<html>hello</html>", "", False),
    ],
)
def test_only_the_stacks_own_analyzer_counts_as_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, health: str, token: str, ours: bool
) -> None:
    stack = prepared(settings)
    monkeypatch.setattr(Service, "health", health)
    monkeypatch.setattr(Service, "token", token or stack.token_file.read_text())
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        stack = replace(stack, analyzers={"static": server.server_port})

        answer = analyzer_health(stack, "static")
        server.shutdown()

    assert (answer is not None) is ours


@pytest.mark.parametrize(
    ("said", "up"),
    [
        ('{"reasons": {"worker": "starting"}}', False),
        ('{"reasons": {"engine": "away"}}', True),
        ("<html>hello</html>", True),
    ],
)
def test_a_worker_that_has_begun_is_up_if_the_server_knows_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, said: str, up: bool
) -> None:
    def temporal(*_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, '{"pollers": [{}]}', "")

    monkeypatch.setattr(readiness, "temporal", temporal)
    monkeypatch.setattr(Service, "health", said)
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        port = server.server_port
        stack = replace(prepared(settings), temporal_port=port, worker_port=port)
        answered = readiness._answers(stack, "worker")
        server.shutdown()

    assert answered is up
    assert readiness._answers(stack, "worker") is False, "nobody listens any more"


def test_who_gets_the_secrets_and_finds_the_stack_by_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_LOGIN_ANN", "s3cret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    parsed = RawConfigParser()
    parsed.read_string(render_config(prepared(settings), settings, Path("/tmp/s.sock")))
    given = {
        name.removeprefix("program:"): parsed[name]["environment"]
        for name in parsed.sections()
        if name.startswith("program:")
    }

    kept = {name for name, environment in given.items() if "ASSAY_LOGIN_ANN" not in environment}
    assert kept == {"worker", "dashboard"}
    untraced = {name for name, environment in given.items() if "OTEL_" in environment}
    assert untraced == {"temporal"}  # the others are Assay's own programs
    assert 'TEMPORAL_ADDRESS=""' in given["dashboard"]
    assert '"dashboard" "--host" "127.0.0.1" "--port"' in parsed["program:dashboard"]["command"]
    assert "s3cret" not in str(given)
