"""The example client of docs/api.md, as its reader would run it."""

import subprocess
import sys
from pathlib import Path

from tests.support.dashboard_server import serving

API = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_example_follows_a_pipeline_and_prints_its_findings(tmp_path: Path):
    program = tmp_path / "follow.py"
    program.write_text(API.read_text().split("```python\n")[1].split("```")[0])

    with serving(tmp_path / "data") as address:
        done = subprocess.run(
            [sys.executable, program, address, "after"], capture_output=True, text=True, timeout=60
        )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "completed: 3 of 3 apps",
        "openai/gpt-4o/app1 src/kept.py:7 B608",
        "openai/gpt-4o/app4 src/other.py:7 B608",
        "not known: static/bandit did not look in 1 app(s)",
    ]
