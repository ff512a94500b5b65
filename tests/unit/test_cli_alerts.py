"""`alerts`: what fires, whether the file is right, and how each receiver took a test."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.app import app
from cli.exits import Exit
from contract.alert import Notice, Severity
from contract.alerting import AlertChange, HostFacts, StoredAlert
from control.alerts import alerts_part
from control.system_documents import PartState
from store.alerts import AlertStore
from store.migrate import upgrade
from tests.support.receivers import alerts_file
from tests.support.store_folder import stored_in

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def hooked() -> Iterator[tuple[str, list[Any]]]:
    """A webhook at `/ok` that takes all, and takes nothing elsewhere."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/ok" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    thread.join()
    server.server_close()


def typed(*words: str) -> Exit:
    return Exit(app(["alerts", *words], standalone_mode=False))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    typed(*words, "--json")
    return json.loads(capsys.readouterr().out)


def _err(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


async def fires(url: str, looked_at: datetime) -> None:
    notice = Notice(
        key="ToolBlind/h/static/bandit",
        name="ToolBlind",
        severity=Severity.WARNING,
        summary="bandit is \x1b[2Jblind",
        next_step="read the reason",
        began_at=NOW,
    )
    alert = StoredAlert(notice=notice, firing=True, fired_at=NOW, seen=2, told_at=NOW)
    waits = notice.model_copy(update={"key": "HostSilent/h", "name": "HostSilent"})
    await upgrade(url)
    store = AlertStore.from_url(url)
    kept = {notice.key: alert, waits.key: StoredAlert(notice=waits, seen=1)}
    await store.change(looked_at, lambda _: AlertChange(kept, [(notice, ("ops",))]))
    await store.tell_host(HostFacts(host="h", at=datetime.now(UTC)))  # which says nothing of looks
    await store.close()


def test_alerts_that_fire_are_listed_and_shown_as_a_part_of_the_system(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = stored_in(data)
    assert typed() is Exit.OK
    assert "nobody watches" in capsys.readouterr().err
    assert asyncio.run(alerts_part(stored)).state is PartState.UNKNOWN
    asyncio.run(fires(stored.url, NOW))
    assert typed("list") is Exit.OK
    assert "no worker has looked at this installation since 2026-11-29 10:00" in _err(capsys)
    assert asyncio.run(alerts_part(stored)).state is PartState.UNKNOWN
    asyncio.run(fires(stored.url, datetime.now(UTC)))
    told = document(capsys, "list")
    assert [one["name"] for one in told["alerts"]] == ["ToolBlind"]
    assert [one["receiver"] for one in told["unsent"]] == ["ops"]
    assert typed("list") is Exit.OK
    shown = capsys.readouterr()
    assert "ToolBlind" in shown.out
    assert "\x1b[2J" not in shown.out
    assert "not sent yet to ops" in shown.err
    assert app(["status"], standalone_mode=False) is Exit.OK
    assert "alerts fire: ToolBlind;" in _err(capsys)
    part = asyncio.run(alerts_part(stored))
    assert (part.state, part.next_step) == (PartState.ATTENTION, "read the reason")
    assert part.detail == "1 alert fires, 1 notice is not sent yet"


def test_a_test_notice_goes_to_every_receiver(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    hooked: tuple[str, list[Any]],
) -> None:
    url, got = hooked
    receivers = [
        {"name": "good", "type": "webhook", "url": f"{url}/ok", "min_severity": "critical"},
        {"name": "bad", "type": "webhook", "url": f"{url}/other"},
    ]
    monkeypatch.setenv("ASSAY_ALERTS_FILE", str(alerts_file(data, receivers)))
    assert typed("test") is Exit.UNAVAILABLE
    shown = capsys.readouterr().out
    assert "good: sent" in shown
    assert "bad: not sent: it answers 404" in shown
    assert {body["name"] for body in got} == {"Test"}
    told = sorted(body["status"] for body in got)
    assert told == ["firing", "firing", "resolved"], "who took the first hears that it is over"
    assert typed("check") is Exit.OK
    assert "good: webhook, from critical on" in capsys.readouterr().out
    alerts_file(data, receivers[:1])
    assert typed("test") is Exit.OK


def test_a_check_reads_every_secret_that_the_file_names(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = {"host": "smtp", "sender": "a@b.example", "to": ["c@d.example"], "username": "u"}
    receivers = [
        {"name": "chat", "type": "slack", "url_file": "slack-url"},
        {"name": "pager", "type": "webhook", "url": "http://a", "token_env": "ASSAY_LOGIN_PAGER"},
        {"name": "mail", "type": "email", "password_file": "password", **mail},
        {"name": "own", "type": "webhook", "url": "https://a", "ca_file": "own.pem"},
    ]
    monkeypatch.setenv("ASSAY_ALERTS_FILE", str(alerts_file(data, receivers)))
    (data / "slack-url").write_text("no address")
    assert typed("check") is Exit.UNAVAILABLE
    first, *lines = capsys.readouterr().out.splitlines()
    assert "names secrets that cannot be read" in first
    wanted = {
        "chat": "url_file",
        "pager": "ASSAY_LOGIN_PAGER",
        "mail": "password",
        "own": "own.pem",
    }
    told = {line.partition(":")[0]: line for line in lines}
    assert all(said in told[name] for name, said in wanted.items()), told
    assert "no address" not in "".join(lines)
    whys = [one["why"] for one in document(capsys, "check")["receivers"]]
    assert all(whys)

    (data / "slack-url").write_text("http://127.0.0.1:9/x\n")
    (data / "password").write_text("s3cret\n")
    monkeypatch.setenv("ASSAY_LOGIN_PAGER", "s3cret")
    alerts_file(data, receivers[:3])
    assert typed("check") is Exit.OK
    shown = capsys.readouterr().out
    assert "is right" in shown
    assert "s3cret" not in shown


def test_no_file_and_a_wrong_one_are_one_error(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("check") is Exit.USAGE
    shown = capsys.readouterr().err
    assert "there is no alerts file" in shown
    assert "next: name one in ASSAY_ALERTS_FILE" in shown
    (data / "alerts.yaml").write_text("receivers:\n- name: a\n  type: fax\n")
    monkeypatch.setenv("ASSAY_ALERTS_FILE", str(data / "alerts.yaml"))
    assert typed("test") is Exit.USAGE
    assert "alerts.yaml line 2: receivers.0: " in capsys.readouterr().err
