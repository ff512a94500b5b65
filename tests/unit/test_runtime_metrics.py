"""What an analyzer shows of its canaries: a source that is away is no blind tool."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzers.ai.config import NOT_CONFIGURED
from analyzers.runtime.measure.counts import Counts
from analyzers.runtime.wire.metrics import Metrics
from contract.analyzers import AnalyzerKind
from contract.health import ToolHealth
from tests.support.expositions import faults, total


@pytest.mark.parametrize(
    ("fields", "blind", "no_source"),
    [
        ({"ok": True}, 0, 0),
        ({"ok": False}, 1, 0),
        ({"ok": False, "lacks_source": True}, 0, 1),
        ({"ok": False, "reason": NOT_CONFIGURED}, 0, 0),
    ],
)
def test_a_tool_whose_source_is_away_is_not_to_be_reinstalled(
    fields: dict[str, bool | str], blind: int, no_source: int, tmp_path: Path
) -> None:
    health = [ToolHealth.model_validate({"name": "pip-audit", **fields})]
    jobs = SimpleNamespace(started=0, running=0, capacity=1, kept=0)
    canaries = SimpleNamespace(health=lambda: health)
    kind = AnalyzerKind.STATIC
    shown = Metrics(kind, jobs, canaries, Counts(kind), [], tmp_path)  # type: ignore[arg-type]
    text = shown.render()[0].decode()
    assert faults(text, "analyzers") == []
    assert total(text, "assay_canary_blind", tool="pip-audit") == blind
    assert total(text, "assay_canary_no_source", tool="pip-audit") == no_source
