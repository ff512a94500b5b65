"""Bad input ends with one clear error that names the next step, and leaves nothing behind."""

import socket
from pathlib import Path

import pytest

from cli.exits import Exit
from control.plans import load_plan
from tests.e2e.conftest import ROOT, Assay


@pytest.fixture
def idle(tmp_path: Path) -> Assay:
    """A shell whose stack does not run."""
    return Assay(tmp_path / "data")


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_bad_spec_starts_nothing(idle: Assay, tmp_path: Path):
    spec = f"apps: {{root: {ROOT}/controls, models: [carefull-1]}}"

    done = idle.run("submit", write(tmp_path / "s.yaml", spec), "--wait")

    assert done.returncode == Exit.USAGE
    assert "did you mean 'careful-1'" in done.stderr
    assert idle.processes() == []
    assert not (idle.data / "assay.db").exists()


def test_an_unreachable_temporal_server_is_named(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    shell = Assay(tmp_path / "data", (("TEMPORAL_ADDRESS", address),))

    done = shell.run("status", "x", timeout_s=120)

    assert done.returncode == Exit.UNAVAILABLE
    assert address in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    done = Assay(blocked / "data").run("up", timeout_s=120)

    assert done.returncode == Exit.UNAVAILABLE
    assert "ASSAY_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_pipeline_is_one_clear_error(assay: Assay):
    commands = ("status", "watch", "pause", "cancel", "retry", "add x/app1", "logs x/app1")
    asked = {command: command.split() for command in commands}
    running = {
        command: assay.start(name, "no-such-pipeline", *rest)
        for command, (name, *rest) in asked.items()
    }
    for command, process in running.items():
        _, told = process.communicate(timeout=120)
        assert process.returncode == Exit.USAGE, command
        assert "no-such-pipeline" in told, command
        assert "Traceback" not in told, command


def test_the_wizard_writes_a_spec_that_submit_would_take(idle: Assay, tmp_path: Path):
    target = tmp_path / "fleet.yaml"
    limits = ["y", "2", *[""] * 6]  # tools of both analyzers and more options are the last three
    answers = [f"{ROOT}/controls", "", "", "y", "static,performance", *limits, str(target), "n"]

    done = idle.run("wizard", typed="\n".join(answers) + "\n", timeout_s=120)

    assert done.returncode == 0, done.stderr
    plan = load_plan(target, "p")
    assert len(plan.apps) == 8
    assert (plan.spec.analyzers, plan.spec.parallelism) == (("static", "performance"), 2)
    assert idle.processes() == []
