"""Each command that steers a pipeline gets as far as its message."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import steering
from cli.app import app


@pytest.mark.parametrize(
    "line",
    ["pause p", "resume p", "cancel p", "parallelism p 3", "priority p low"]
    + ["reset-breaker p static"],
)
def test_a_command_makes_its_message(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Callable[..., Any]] = []
    monkeypatch.setattr(steering, "run", asked.append)

    done = CliRunner().invoke(app, line.split())

    assert (done.exception, done.exit_code) == (None, 0)
    assert len(asked) == 1
