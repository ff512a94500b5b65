"""Programs start fast: numerics are loaded by what needs them alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy", "numpy", "statsmodels", "pandas", "duckdb", "typst")


@pytest.mark.parametrize(
    "module",
    ["cli.app", "workflows.pipeline", "workflows.analyze_app", "reports.model", "control.plans"],
)
def test_importing_it_loads_no_numerics(module: str):
    code = f"import {module}, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("worker", "opentelemetry.sdk"),
        ("cli.app", "opentelemetry.sdk structlog"),
        ("dashboard.app", "opentelemetry.sdk"),
        ("analyzers.static.__main__", "opentelemetry.sdk temporalio"),
    ],
)
def test_importing_it_loads_nothing_that_traces(module: str, heavy: str):
    code = f"import {module}, sys; print([n for n in {heavy!r}.split() if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["status", "p1"]])
def test_a_command_loads_neither_numerics_nor_what_traces(arguments: list[str], tmp_path: Path):
    command = [sys.executable, "-X", "importtime", "starter.py", *arguments]
    own = ("OTEL_", "ASSAY_", "TEMPORAL_")
    env = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    env |= {"ASSAY_DATA": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    loaded = set(re.findall(r"^import time:.*\| +(\w+)$", done.stderr, re.MULTILINE))
    assert "cli" in loaded
    assert loaded & {*HEAVY, "opentelemetry", "structlog"} == set()
