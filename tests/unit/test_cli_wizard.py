"""The wizard on a terminal: its questions, what is asked again, and what is written."""

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from cli.exits import Exit

ROOT = Path(__file__).parents[2]
CLOSE = b"close"
"""Instead of a key: the terminal is closed."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a fleet of two models on two templates; no stack runs, nothing is started."""
    for model in ("gpt-4o", "llama-3"):
        for number in (1, 2):
            folder = tmp_path / "study" / model / f"app{number}"
            folder.mkdir(parents=True)
            (folder / "app.py").write_text("1\n")
    (tmp_path / "study" / "templates").mkdir()
    for slug in ("notes", "shop"):
        (tmp_path / "study" / "templates" / f"{slug}.yaml").write_text(f"slug: {slug}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("cli.interview.no_engine", lambda _machine: "")  # whatever this one has
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answered(*answers: str) -> tuple[int, str]:
    """Exit code and messages after these answers; each ends with Enter."""
    done = CliRunner().invoke(app, ["wizard"], input="".join(f"{text}\n" for text in answers))
    return done.exit_code, done.stderr


def spec_in(folder: Path, name: str = "pipeline.yaml") -> dict[str, object]:
    return yaml.safe_load((folder / name).read_text())


def test_enter_alone_takes_the_fleet_that_is_near_and_all_of_it(here: Path):
    code, said = answered("", "", "", "notes,shop", "static", "", "", "n")

    assert code == Exit.OK, said
    assert f"fleets at most 3 folders deep below {here}" in said
    assert spec_in(here) == {
        "apps": {
            "root": str(here / "study"),
            "templates": {1: "notes", 2: "shop"},
            "templates_dir": str(here / "study" / "templates"),
        },
        "analyzers": ["static"],
        "parallelism": 3,
    }


def test_it_says_before_the_start_how_many_apps_and_which_tools_nobody_vouches_for(here: Path):
    _, said = answered("", "", "", "", "static", "", "", "n")

    assert "4 apps of 2 models on 2 templates" in said
    assert "time: not known" in said
    assert "whether it can with 21 of 21 tools is not known" in said
    assert "the local stack does not run" in said.replace("\n", " ")


def test_a_wrong_answer_is_told_and_asked_for_again(here: Path):
    code, said = answered(
        *("nowhere", "study", "gpt-4", "1", "7", "2", "nots", "shop", "statik", "1"),
        *("maybe", "", "", "n"),
    )

    assert code == Exit.OK, said
    for reason in (
        "no such folder",
        "did you mean 'gpt-4o'",
        "unknown app '7'",
        "did you mean 'notes'",
        "did you mean 'static'",
        "'maybe' is neither yes nor no",
    ):
        assert reason in said
    assert spec_in(here)["apps"] == {
        "root": str(here / "study"),
        "models": ["gpt-4o"],
        "numbers": [2],
        "templates": {2: "shop"},
        "templates_dir": str(here / "study" / "templates"),
    }


def test_back_leads_to_the_question_before(here: Path):
    code, said = answered("", "1", "<", "llama-3", "", "", "static", "", "", "n")

    assert code == Exit.OK, said
    assert spec_in(here)["apps"] == {"root": str(here / "study"), "models": ["llama-3"]}


def test_limits_are_asked_for_only_on_demand(here: Path):
    limits = ("y", "7", "allow", "off", "none", "ruff,bandit", "")

    code, said = answered("", "", "", "", "static", *limits, "", "n")

    assert code == Exit.OK, said
    spec = spec_in(here)
    assert (spec["parallelism"], spec["egress"], spec["controls"]) == (7, "allow", "off")
    assert spec["tools"] == {"static": ["bandit", "ruff"]}


def test_more_options_are_asked_for_only_on_demand_and_are_in_the_spec(here: Path):
    (here / "start").mkdir()
    (here / "start" / "app.py").write_text("1\n")
    analyzers = "static,performance,dynamic"
    limits = ("y", "", "", "", "", *("",) * 3)
    more = ("ann", "ASSAY_LOGIN_ANN", "20, 50", "1", "../start")

    code, said = answered(
        *("", "", "", "", analyzers, *limits, "y", *more),
        "functional_and_secure=2, security_per_kloc",
        *("", "n"),
    )

    assert code == Exit.OK, said
    spec = spec_in(here)
    assert spec["options"] == {
        "dynamic": {"auth_username": "ann", "auth_password": {"env": "ASSAY_LOGIN_ANN"}},
        "performance": {"rates": "20, 50"},
    }
    assert spec["noise"] == {"apps": 1}
    assert spec["scaffold"] == str(here / "start")
    assert spec["ranking"] == {"weights": {"functional_and_secure": 2, "security_per_kloc": 1}}


def test_a_wrong_one_of_more_options_is_told_and_asked_for_again(here: Path):
    limits = ("y", "", "", "", "", "")

    code, said = answered(
        *("", "", "", "", "performance", *limits, "y", "", "many", "", ""),
        *(*limits, "", "50, 20", "1", "", "security_per_kloc, functional_and_secur"),
        *(*limits, "", "none", "1", "", "none"),
        *("", "n"),
    )

    assert code == Exit.OK, said
    assert "noise.apps" in said
    assert "did you mean 'functional_and_secure'" in said
    assert "rates must rise" in said
    assert "Account that the scan logs in with" not in said
    assert spec_in(here)["noise"] == {"apps": 1}
    assert not {"ranking", "options"} & set(spec_in(here))


def test_a_password_is_not_said_back(here: Path):
    code, said = answered(
        *("", "", "", "", "dynamic", "y", "", "", "", "", "", "y", "ann", "hunter2", "", "", ""),
        *("", "", "n"),
    )

    assert code == Exit.USAGE
    assert "a spec never holds a password" in said
    assert not (here / "pipeline.yaml").exists()


def test_a_baseline_that_never_ran_is_refused_before_anything_is_written(here: Path):
    limits = ("y", "", "", "", "never-ran", "", "")

    code, said = answered("", "", "", "", "static", *limits)

    assert code == Exit.USAGE
    assert "baseline: no pipeline never-ran" in said
    assert not (here / "pipeline.yaml").exists()


def test_an_existing_file_is_overwritten_only_after_a_yes(here: Path):
    (here / "pipeline.yaml").write_text("mine")

    code, said = answered("", "", "", "", "static", "", "", "", "other.yaml", "n")

    assert code == Exit.OK, said
    assert (here / "pipeline.yaml").read_text() == "mine"
    assert spec_in(here, "other.yaml")["analyzers"] == ["static"]
    answered("", "", "", "", "static", "", "", "y", "n")
    assert spec_in(here)["analyzers"] == ["static"]


def test_templates_come_from_the_spec_that_lies_with_the_fleet(here: Path):
    spec = {"apps": {"root": ".", "templates": {1: "notes", 2: "shop"}}}
    (here / "study" / "mine.yaml").write_text(yaml.safe_dump(spec))

    code, said = answered("", "", "", "y", "static", "", "", "n")

    assert code == Exit.OK, said
    assert "Templates as in mine.yaml: app1 notes, app2 shop?" in said
    apps = spec_in(here)["apps"]
    assert isinstance(apps, dict) and apps["templates"] == {1: "notes", 2: "shop"}


def test_a_name_of_a_model_cannot_command_the_terminal(here: Path):
    (here / "study" / "x\x1b[31m" / "app1").mkdir(parents=True)

    _, said = answered("", "")

    assert "\x1b[31m" not in said.replace("\x1b[31merror", "")
    assert "x\\x1b[31m" in said


def test_on_a_terminal_it_takes_nine_keys_and_ctrl_c_ends_it(here: Path):
    keys = [b"\r"] * 4 + [b"static\r"] + [b"\r"] * 2 + [b"\x03"]

    said, code = typed(keys, here)

    assert code == Exit.INTERRUPTED, said
    assert "Start it now? [Y/n]" in said and "interrupted" in said and "Traceback" not in said
    assert spec_in(here)["analyzers"] == ["static"]


def test_a_terminal_that_is_closed_ends_it_as_ctrl_c_does(here: Path):
    said, code = typed([b"\r", CLOSE], here)

    assert code == Exit.INTERRUPTED, said
    assert not (here / "pipeline.yaml").exists()


def typed(keys: list[bytes], folder: Path, limit_s: float = 200.0) -> tuple[str, int]:
    """What the wizard shows in a terminal, and its exit code; a key is typed at each question.

    A Ctrl-C is typed again when nothing came of it for 5 s: one that comes at the very moment at
    which a question is shown is lost, as Python waits for the next key then.
    """
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, str(ROOT / "starter.py"), "wizard"])
    shown, seen, last, deadline = b"", 0, b"", time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 5.0)[0]:
            if last == b"\x03" and b"interrupted" not in shown:
                os.write(terminal, last)
            continue
        try:
            shown += os.read(terminal, 65_536)
        except OSError:  # it has ended
            break
        if keys and shown[seen:].rstrip(b" ").endswith(b":"):
            seen, last = len(shown), keys.pop(0)
            if last == CLOSE:
                break
            os.write(terminal, last)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
