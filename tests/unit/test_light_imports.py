"""Programs start fast: numerics are loaded by what needs them alone."""

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
