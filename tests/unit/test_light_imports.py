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


def test_a_command_loads_neither_migrations_nor_what_speaks_to_an_engine():
    """Most look at no schema and at no engine: it would be a quarter of what they load."""
    names = ("status", "watch", "logs", "report", "stack", "submit", "retry")
    imports = ", ".join(f"cli.commands.{name}" for name in names)
    code = f"import {imports}, sys; print({{*sys.modules}} & {{'alembic', 'docker'}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
