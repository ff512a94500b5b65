"""Each command that steers a pipeline gets as far as its message."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import steering
from cli.app import app

COMMANDS = ("pause p", "resume p", "cancel p", "parallelism p 3", "priority p low")


@pytest.mark.parametrize("line", [*COMMANDS, "reset-breaker p static"])
def test_a_command_makes_its_message(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = None
    made: list[Any] = []

    def run(work: Callable[[Any], Any]) -> None:
        made.append(work(settings))
        made[0].close()

    monkeypatch.setattr(steering, "run", run)

    done = CliRunner().invoke(app, line.split())

    assert (done.exception, done.exit_code) == (None, 0)
    assert len(made) == 1
