"""An analyzer is added by a row of the table: no other code of the platform knows its name."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_fifth_analyzer_that_only_the_table_knows_reaches_its_cell(tmp_path: Path):
    """Settings, planning, queues, workers, gateway, service, store and report are the real ones."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fifth_row", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "ASSAY_FIFTH_SLOTS": "5"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr[-3_000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["matrix"] == {"m/app1": {"static/demo": "measured", "fifth/demo": "measured"}}
    assert seen["counts"] == {"measured": 1}
    assert "assay-fifth-h1" in seen["queues"], "a live one: on the host that runs the app"
    assert seen["slots"] == 5, "a setting of its own"
    assert "quality" in seen["tallied"]
