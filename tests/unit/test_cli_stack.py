"""The local stack's files: whole or not there, whatever the disk does."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import stack as stacks
from cli.errors import UserError
from cli.stack import Stack
from settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def publish(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(stacks, "publish", publish)
        yield


def prepared(settings: Settings) -> Stack:
    settings.data_dir.joinpath("run").mkdir(parents=True, exist_ok=True)
    return stacks._prepare(settings)


def test_a_full_disk_is_named_and_leaves_no_half_written_secret(
    settings: Settings, full_disk: None
) -> None:
    with pytest.raises(UserError, match="No space left") as caught:
        prepared(settings)

    assert "ASSAY_DATA" in caught.value.next_step
    assert list((settings.data_dir / "run").iterdir()) == []


def test_a_disk_that_fills_up_at_launch_is_named(
    settings: Settings, request: pytest.FixtureRequest
) -> None:
    stack = prepared(settings)
    request.getfixturevalue("full_disk")

    with pytest.raises(UserError, match="No space left"):
        stacks._launch(stack, settings)


def test_an_empty_secret_is_written_anew_and_a_good_one_stays(settings: Settings) -> None:
    run_dir = settings.data_dir / "run"
    run_dir.mkdir(parents=True)
    (run_dir / "token").touch()

    first = prepared(settings).token_file.read_text()
    second = prepared(settings).token_file.read_text()

    assert len(first) > 20
    assert first == second


def test_the_secret_is_for_its_owner_alone(settings: Settings) -> None:
    assert prepared(settings).token_file.stat().st_mode & 0o077 == 0


def test_the_ports_are_kept_for_the_next_start(settings: Settings) -> None:
    before = prepared(settings)

    assert prepared(settings).analyzers == before.analyzers
    assert json.loads((before.run_dir / "stack.json").read_text())["ui_port"] == before.ui_port
