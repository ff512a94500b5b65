"""An exit while the disk is full is nobody's fault; whatever else ended an app keeps its row."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from clients import blame
from clients.ending import NO_ROOM_BYTES, Ending, app_check, unless_full

ROOM = {"full": NO_ROOM_BYTES - 1, "room": NO_ROOM_BYTES}


@pytest.mark.parametrize(
    ("disk", "row", "becomes"),
    [
        ("full", blame.EXIT, blame.HOST_FULL),
        ("room", blame.EXIT, blame.EXIT),
        ("full", blame.MEMORY, blame.MEMORY),
        ("full", blame.KILLED, blame.KILLED),
    ],
)
def test_a_full_disk_takes_the_blame_of_an_exit_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: str, row: blame.Row, becomes: blame.Row
):
    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=ROOM[disk])

    monkeypatch.setattr(shutil, "disk_usage", usage)

    found = unless_full(Ending(row, "exited with 1"), tmp_path)

    assert (found.row, "disk was full" in found.text) == (becomes, becomes is blame.HOST_FULL)


def test_an_app_that_ended_so_is_started_again():
    check = app_check(Ending(blame.HOST_FULL, "exited with 1"))

    assert (check.alive, check.taken, check.killed) == (False, True, False)


def test_a_disk_that_cannot_be_seen_excuses_nobody(tmp_path: Path):
    found = Ending(blame.EXIT, "exited with 1")

    assert unless_full(found, tmp_path / "of-another-host") is found
