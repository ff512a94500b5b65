"""Short commands: a collector that is away is named once an hour, not with each of them."""

import os
import time
from pathlib import Path

import pytest

from cli.traced import first_of_the_hour
from telemetry.delivery import Outage


def test_commands_name_an_outage_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    data = tmp_path / "data"
    monkeypatch.setenv("ASSAY_DATA", str(data))

    def said(endpoint: str = "http://127.0.0.1:1") -> int:
        """How many warnings a new command has for an outage."""
        caplog.clear()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        outage = Outage(endpoint, first_of_the_hour)
        outage.say("ConnectionError")
        outage.over()
        return len(caplog.messages)

    assert [said(), said()] == [1, 1], "nowhere to note it"
    assert not data.exists(), "a command that fails makes no data folder"
    data.mkdir()
    assert [said(), said(), said()] == [1, 0, 0]
    assert said("http://127.0.0.1:2") == 1, "another collector"
    (note,) = (data / "run").iterdir()
    before_s = time.time() - 3_700
    os.utime(note, (before_s, before_s))
    assert [said("http://127.0.0.1:2"), said("http://127.0.0.1:2")] == [1, 0]
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/no/such.toml")
    assert said() == 1, "settings that nobody can read"
