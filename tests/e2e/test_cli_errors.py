"""Bad input ends with one clear error that names the next step, and leaves nothing behind."""

import socket
from pathlib import Path

import pytest

from cli.fleet import load_plan
from tests.e2e.conftest import ROOT, Assay


@pytest.fixture
def idle(tmp_path: Path) -> Assay:
    """A shell whose stack does not run."""
    return Assay(tmp_path / "data")


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("spec", "cause", "next_step"),
    [
        (
            f"apps: {{root: {ROOT}/controls, models: [carefull-1]}}",
            "did you mean 'careful-1'",
            "models",
        ),
        ("apps: {root: nowhere}", "no such folder", "correct apps.root"),
        ("app: {root: x}", "did you mean 'apps'", ""),
        (f"apps: {{root: {ROOT}/controls}}\nparallelism: 0", "parallelism", ""),
        (f"apps: {{root: {ROOT}/controls, numbers: [1, 1]}}", "twice", ""),
    ],
)
def test_a_bad_spec_starts_nothing(
    idle: Assay, tmp_path: Path, spec: str, cause: str, next_step: str
):
    done = idle.run("submit", write(tmp_path / "s.yaml", spec), "--wait")

    assert done.returncode == 2
    assert cause in done.stderr
    assert next_step in done.stderr
    assert "Traceback" not in done.stderr
    assert idle.processes() == []
    assert not (idle.data / "assay.db").exists()


def test_a_missing_spec_file_is_named(idle: Assay):
    done = idle.run("submit", "nowhere.yaml")

    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_temporal_server_is_named(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    shell = Assay(tmp_path / "data", (("TEMPORAL_ADDRESS", address),))

    done = shell.run("status", "x", timeout_s=60)

    assert done.returncode == 2
    assert address in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_without_a_stack_says_how_to_start_one(idle: Assay):
    done = idle.run("status", "x")

    assert done.returncode == 2
    assert "starter.py up" in done.stderr


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    done = Assay(blocked / "data").run("up", timeout_s=60)

    assert done.returncode == 2
    assert "ASSAY_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path):
    shell = Assay(tmp_path / "data", (("ASSAY_APP_MEMORY_MB", "lots"),))

    done = shell.run("doctor")

    assert done.returncode == 2
    assert "ASSAY_APP_MEMORY_MB" in done.stderr


def test_an_unknown_pipeline_is_one_clear_error(assay: Assay):
    for command in ("status", "watch", "pause", "cancel", "retry"):
        done = assay.run(command, "no-such-pipeline", timeout_s=60)
        assert done.returncode == 2, command
        assert "no-such-pipeline" in done.stderr, command
        assert "Traceback" not in done.stderr, command


def test_an_unusable_pipeline_id_is_refused(assay: Assay, tmp_path: Path):
    spec = write(tmp_path / "s.yaml", f"apps: {{root: {ROOT}/controls, models: [empty-1]}}")

    done = assay.run("submit", spec, "--id", "a/b")

    assert done.returncode == 2
    assert "not usable" in done.stderr


def test_the_wizard_writes_a_spec_that_submit_would_take(idle: Assay, tmp_path: Path):
    target = tmp_path / "fleet.yaml"
    answers = [f"{ROOT}/controls", "y", "n", "y", "2", str(target), "n"]

    done = idle.run("wizard", typed="\n".join(answers) + "\n", timeout_s=60)

    assert done.returncode == 0, done.stderr
    plan = load_plan(target, "p")
    assert len(plan.apps) == 8
    assert (plan.spec.analyzers, plan.spec.parallelism) == (("static", "performance"), 2)
    assert idle.processes() == []
