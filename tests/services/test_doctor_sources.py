"""Doctor names the sources outside that give no answer, whatever stands in the way."""

from pathlib import Path

import pytest

from analyzers.runtime.measure.canary import CanaryCheck
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
