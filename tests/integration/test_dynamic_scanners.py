"""The scanners of the dynamic analyzer as real processes, each on its canary."""

from pathlib import Path

import pytest

from analyzers.dynamic.tools import TOOLS
from analyzers.runtime.canary import CanaryCheck
from analyzers.runtime.schedule import CpuBudget
from contract.spec import AnalyzerKind

INSTALLED = Path(__file__).parents[2] / ".tools" / "dynamic"


@pytest.mark.browser
@pytest.mark.parametrize("name", ["wapiti", "schemathesis", "browser"])
async def test_scanner_sees_its_canary_in_a_deep_folder(name: str, tmp_path: Path):
    tool = next(one for one in TOOLS if one.name == name)
    deep = tmp_path / ("d" * 100)  # Chromium aborts where a socket's path gets too long
    deep.mkdir()
    check = CanaryCheck(AnalyzerKind.DYNAMIC, INSTALLED, deep, CpuBudget(2))

    verdict = await check.look(tool, await check.version(tool))

    assert (verdict.reason, verdict.ok) == ("", True)
    assert any(char.isdigit() for char in verdict.version)
