"""`logs` of what an app wrote commands no terminal; a full disk under a log stops nobody."""

import errno
import io
import json
import logging
import sys
import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.exits import Exit
from clients.artifacts import FileArtifactStore
from contract.analysis import MeasurementState
from contract.outcome import AppFacts, AppOutcome
from store.results import SqlResultStore
from telemetry.logs import log_to_stderr
from tests.store import samples
from tests.support.new_store import new_store

# What moves the cursor, retitles the window, writes to the clipboard, asks the terminal to answer,
# in both forms of an escape sequence, and what hides or turns text round.
HOSTILE = (
    "\x1b[2J\x1b[1;1Hcleared \x1b]0;title\x07 \x1b]52;c;cm0gLXJm\x1b\\ \x1b[6n \x9b31mred \x90q\x9c"
    " \u202eright\u2066 zero\u200bwidth \u2028 \x00\x07\x08 x\rover [bold]markup[/bold] {}"
)


@pytest.fixture
async def hostile_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    torn = HOSTILE.encode(errors="surrogatepass") + b"\n\xff\xfe\xc3\n"
    kept = await FileArtifactStore(tmp_path / "artifacts").put_bytes(torn * 3, "app-web.log")
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan("p1"))
    facts = AppFacts(logs=(kept,))
    outcome = AppOutcome(ref=samples.app().ref, state=MeasurementState.MEASURED, facts=facts)
    await store.record_app(samples.app(), outcome)
    await store.close()
    about = {"pipeline": "p1", "app": samples.app().ref.label, "level": "error"}
    told = {**about, "message": HOSTILE, "error": f"{HOSTILE}\n{HOSTILE}", HOSTILE: HOSTILE}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "worker.log").write_bytes(json.dumps(told).encode() + b"\np1 " + torn)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("hostile_data")
def test_what_an_app_wrote_commands_no_terminal():
    label = samples.app().ref.label
    for arguments in (["p1"], ["p1", label], ["p1", label, "app-web.log"], ["p1", "--json"]):
        done = CliRunner().invoke(app, ["logs", *arguments])
        assert done.exit_code == Exit.OK, done.stderr
        assert "over [bold]markup[/bold] {}" in done.stdout
        shown = set(done.stdout + done.stderr) - {"\n"}
        assert [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")] == []


class Disk(io.StringIO):
    """What is written to it is kept, unless it is full."""

    is_full = True

    def write(self, text: str, /) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_log_on_a_full_disk_stops_nobody_and_goes_on(monkeypatch: pytest.MonkeyPatch):
    disk = Disk()
    monkeypatch.setattr(sys, "stderr", disk)
    log_to_stderr("worker", "INFO", "json")
    logging.getLogger("assay.worker").warning("written nowhere")
    disk.is_full = False
    logging.getLogger("assay.worker").warning("written again")

    (line,) = disk.getvalue().splitlines()
    assert json.loads(line)["message"] == "written again"
