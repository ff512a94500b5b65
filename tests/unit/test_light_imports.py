"""Programs start fast: what is heavy is loaded by what needs it alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy", "numpy", "statsmodels", "pandas", "duckdb", "typst")
# Imports each module in turn, and says which of the unwanted names are there then.
LOOK = """
import importlib, sys
for module, *unwanted in {asked!r}:
    importlib.import_module(module)
    for name in unwanted:
        if name in sys.modules:
            print(module, "loads", name)
"""


def loaded(*asked: tuple[str, ...]) -> list[str]:
    """What a new process finds of the names after each module, once it has imported it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(asked=asked)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_importing_it_loads_no_numerics():
    modules = (
        *("cli.app", "workflows.pipeline", "workflows.analyze_app"),
        *("reports.model", "control.plans"),
    )
    assert loaded(*((module, *HEAVY) for module in modules)) == []


def test_importing_it_loads_nothing_that_traces():
    asked = (
        ("cli.app", "opentelemetry.sdk", "structlog"),
        ("analyzers.static.__main__", "opentelemetry.sdk", "temporalio"),
        ("worker", "opentelemetry.sdk"),
        ("dashboard.app", "opentelemetry.sdk"),
    )
    assert loaded(*asked) == []


def test_a_command_loads_neither_migrations_nor_what_speaks_to_an_engine():
    """Most look at no schema and at no engine: it would be a quarter of what they load."""
    names = ("status", "watch", "logs", "report", "stack", "submit", "retry")
    assert loaded(*((f"cli.commands.{name}", "alembic", "docker") for name in names)) == []


@pytest.mark.parametrize("arguments", [["--help"], ["status", "p1"]])
def test_a_command_loads_neither_numerics_nor_what_traces(arguments: list[str], tmp_path: Path):
    command = [sys.executable, "-X", "importtime", "starter.py", *arguments]
    own = ("OTEL_", "ASSAY_", "TEMPORAL_")
    env = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    env |= {"ASSAY_DATA": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    found = set(re.findall(r"^import time:.*\| +(\w+)$", done.stderr, re.MULTILINE))
    assert "cli" in found
    assert found & {*HEAVY, "opentelemetry", "structlog"} == set()
