"""Doctor names the sources outside that give no answer, whatever stands in the way."""

import os
from pathlib import Path

import pytest

from analyzers.runtime.measure.canary_check import CanaryCheck
from analyzers.runtime.tool import NoSource
from analyzers.static.tools.pip_audit import PipAudit
from cli.sources import unanswered
from settings import Settings


async def test_a_tool_that_is_not_there_is_a_reason_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))

    reasons = await unanswered(Settings(tools=tmp_path))

    assert set(reasons) == {"pip-audit", "npm-audit"}
    assert all(reasons.values())
    assert os.environ["PATH"] == str(tmp_path), "the process's own is left alone"


async def test_programs_are_looked_up_where_the_settings_say(tmp_path: Path):
    settings = Settings(tools=tmp_path)
    settings.node_bin.mkdir(parents=True)
    npm = settings.node_bin / "npm"
    npm.write_text("#!/bin/sh\necho not the npm of this machine >&2; exit 3\n")
    npm.chmod(0o755)

    assert "not the npm of this machine" in (await unanswered(settings))["npm-audit"]


async def test_a_source_that_is_silent_is_said_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def look(self, tool, version):
        reason = str(NoSource("405")) if isinstance(tool, PipAudit) else ""
        return type("Verdict", (), {"reason": reason})

    async def version(self, tool):
        return "1"

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(CanaryCheck, "look", look)
    monkeypatch.setattr(CanaryCheck, "version", version)

    assert await unanswered(Settings(tools=tmp_path)) == {
        "pip-audit": "advisory source unreachable: 405",
        "npm-audit": "",
    }
