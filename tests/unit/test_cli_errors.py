"""What a command cannot do is one error on standard error, with a next step; no traceback."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.service import RPCError, RPCStatusCode
from typer.testing import CliRunner, Result

from cli.app import app
from cli.commands import doctor
from cli.errors import UserError, expected, explained
from cli.exits import Exit
from contract.errors import ErrorCode, PlatformError
from contract.ids import PIPELINE_ID_PATTERN
from control.naming import new_id


@pytest.fixture(autouse=True)
def clean_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def one_clear_error(result: Result, code: Exit = Exit.USAGE) -> str:
    """The message, of a command that ended as it should end."""
    assert result.exit_code == code
    assert result.exception is None or isinstance(result.exception, SystemExit)
    starts = [line.partition(":")[0] for line in result.stderr.splitlines()]
    assert starts.count("error") == starts.count("next") == 1
    return result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("variables", "cause"),
    [
        ({"TEMPORAL_PROFILE": "nosuch"}, "nosuch"),
        ({"TEMPORAL_ADDRESS": "not a host"}, "not a host"),
        (
            {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/no/ca.pem"},
            "/no/ca.pem",
        ),
        ({"TEMPORAL_CONFIG_FILE": "/no/temporal.toml"}, "/no/temporal.toml"),
        ({"TEMPORAL_CONFIG_FILE": __file__}, "TOML"),
    ],
)
def test_a_wrong_temporal_configuration_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], cause: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert cause in one_clear_error(assay("status"))


def test_a_broken_configuration_in_its_usual_place_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config" / "temporalio" / "temporal.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[profile.default\n")

    assert "TOML" in one_clear_error(assay("status"))


def test_a_namespace_alone_is_a_configuration_as_it_is_for_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "mine")

    from settings import temporal_is_configured

    assert temporal_is_configured()


def test_the_wizard_names_a_folder_that_cannot_be_one() -> None:
    result = CliRunner().invoke(app, ["wizard"], input="~nosuchuser/fleet\n")

    assert result.exit_code == Exit.USAGE
    assert "error: the folder: not a folder: '~nosuchuser" in result.stderr


def test_a_stack_whose_server_died_is_one_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cli import installation, session
    from cli.stack.model import Stack

    dead = Stack(str(tmp_path), 1, 1, {})
    for module in (session, installation):
        monkeypatch.setattr(module, "running_stack", lambda _: dead)

    assert "127.0.0.1:1" in one_clear_error(assay("status", "p"), Exit.UNAVAILABLE)


@pytest.mark.parametrize("text", ['{"cells": [', "[]", "{}", "\x00"])
def test_a_corrupt_report_is_named_and_what_to_do(tmp_path: Path, text: str) -> None:
    report = tmp_path / "data" / "reports" / "p" / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text(text)

    error = one_clear_error(assay("report", "p"))

    assert str(report) in error
    assert "use the store and the data folder" in error


def test_a_data_folder_that_cannot_be_used_is_a_line_of_the_diagnosis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "file" / "data"))
    monkeypatch.setenv("ASSAY_ENGINE", "process")

    result = assay("doctor")

    assert result.exit_code == Exit.UNAVAILABLE
    (line,) = [line for line in result.stdout.splitlines() if "data folder" in line]
    assert "no" in line
    assert str(tmp_path / "file" / "data") in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PlatformError(ErrorCode.UNAVAILABLE, "no server"), "no server"),
        (RPCError("namespace is gone", RPCStatusCode.NOT_FOUND, b""), "namespace is gone"),
        (OSError(28, "No space left on device", "/data/x"), "/data/x: No space left on device"),
        (TimeoutError(), "TimeoutError"),
        (UserError("as it is"), "as it is"),
    ],
)
def test_whatever_a_command_may_meet_becomes_one_sentence(error: Exception, said: str) -> None:
    assert isinstance(error, expected())
    assert said in explained(error).message


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> Exit:
        raise KeyError("a bug")

    monkeypatch.setattr(doctor, "run_doctor", broken)

    assert isinstance(assay("doctor").exception, KeyError)


@pytest.mark.parametrize("stem", ["my spec", "_x", "模型", "a" * 200, ".", "-", "ok-1.2"])
def test_a_default_id_is_usable_whatever_the_name_of_the_file(stem: str) -> None:
    assert re.fullmatch(PIPELINE_ID_PATTERN, new_id(stem))


def test_two_default_ids_of_one_second_are_two() -> None:
    assert len({new_id("demo") for _ in range(3)}) > 1


def test_a_reader_that_went_away_is_no_error_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def piped(*_: object, **__: object) -> Exit:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(doctor, "run_doctor", piped)

    result = assay("doctor")

    assert result.exit_code == Exit.READER_GONE
    assert result.stderr == ""
