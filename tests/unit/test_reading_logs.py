"""`logs` over the programs' own logs: filtered, merged by time, whatever is in them."""

import json
import os
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from control.errors import WrongInputError
from control.log_files import LINE_BYTES, StackLogs
from control.log_records import PARTS, Wanted, since_of

NOON = "2026-01-31T12:00:{:02d}.000Z"


def record(second: int, message: str = "m", **more: object) -> str:
    told = {"at": NOON.format(second), "level": "info", "logger": "assay.x", "message": message}
    return json.dumps({**told, "pipeline": "p1", **more}) + "\n"


def read(run: Path, count: int = 0, **wanted: object) -> list[str]:
    logs = StackLogs(run, Wanted("p1", **wanted))  # type: ignore[arg-type]
    found = [line.message for line in logs.last(count)[0]]
    logs.close()
    return found


def test_parts_are_merged_by_time_and_others_left_out(tmp_path: Path):
    (tmp_path / "worker.log").write_text(
        record(1, "a") + record(5, "e") + record(6, pipeline="p10")
    )
    (tmp_path / "static.log.1").write_text(record(2, "b"))
    (tmp_path / "static.log").write_text(record(4, "d"))
    (tmp_path / "dashboard.log").write_text(record(3, "c", pipeline="", subtask="p1/m/app1/ai"))
    (tmp_path / "temporal.log").write_text(record(3, "no part of ours"))
    assert read(tmp_path) == ["a", "b", "c", "d", "e"]
    assert read(tmp_path, 2) == ["d", "e"]
    assert read(tmp_path, parts=("static",)) == ["b", "d"]
    assert read(tmp_path, since=datetime(2026, 1, 31, 12, 0, 4, tzinfo=UTC)) == ["d", "e"]


def test_an_app_and_a_level(tmp_path: Path):
    lines = (
        record(1, "of app 1", app="m/app1"),
        record(2, "of app 10", app="m/app10"),
        record(3, "bad", app="m/app1", level="error", error="Traceback"),
        record(4, "names m/app1 in its text"),
    )
    (tmp_path / "worker.log").write_text("".join(lines))
    assert read(tmp_path, app="m/app1") == ["of app 1", "bad", "names m/app1 in its text"]
    assert read(tmp_path, level="ERROR") == ["bad"]


def test_what_is_no_record_is_no_traceback(tmp_path: Path):
    hostile = (
        b'{"pipeline": "p1", "message": \n'
        b'{"pipeline": "p1", "message": "\\ud800"}\n'
        b'{"pipeline": "p1", "at": [], "level": {}, "message": {"a": 1}}\n'
        b'{"pipeline": "p1", "at": "99999-01-01", "level": 7}\n'
        + b"[" * 20_000
        + b" p1\n"
        + b'{"pipeline": "p1", "message": '
        + b"[" * 20_000
        + b"\n"
        + b"\xff\xfe\x00 p1 \x1b]0;title\x07\n"
        + b"2026-01-31 12:00:00,000 INFO assay.worker: text of p1\n  goes on\n"
        + b"x" * (3 * LINE_BYTES)
        + b" p1\n"
        + record(9, "sound").encode()
        + b'{"pipeline": "p1", "message": "torn'
    )
    (tmp_path / "worker.log").write_bytes(hostile)
    found = read(tmp_path)
    assert "sound" in found
    assert "text of p1" in found
    assert "  goes on" in found


def test_a_long_log_takes_little_memory(tmp_path: Path):
    with (tmp_path / "worker.log").open("w") as file:
        for number in range(40_000):
            file.write(record(number % 60, "x" * 200))
        file.write("y" * 10_000_000 + " p1\n" + record(59, "last"))
    tracemalloc.start()
    assert read(tmp_path, 10)[-1] == "last"
    logs = StackLogs(tmp_path, Wanted("p1"))
    assert sum(1 for _ in logs.last(0)[0]) == 40_001
    logs.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_file_that_is_torn_hides_nothing_of_the_next_and_one_that_is_unreadable_is_named(
    tmp_path: Path,
):
    (tmp_path / "worker.log.2").write_text(record(1, "a") + "z" * (LINE_BYTES + 10))
    (tmp_path / "worker.log.1").write_bytes(record(2, "b").encode() + b'{"pipeline": "p1", "m\xc3')
    (tmp_path / "worker.log").write_text(record(3, "c"))
    (tmp_path / "static.log").mkdir()
    (tmp_path / "dynamic.log.1").write_text(record(4, "d"))  # the newest file is missing
    logs = StackLogs(tmp_path, Wanted("p1"))
    told = [line.message for line in logs.all()]
    logs.close()
    assert [text for text in told if len(text) == 1] == ["a", "b", "c", "d"]
    assert logs.unread == {tmp_path / "static.log": "Is a directory"}


def test_following_goes_on_over_a_rotation_and_waits_for_a_line_to_end(tmp_path: Path):
    path = tmp_path / "worker.log"
    path.write_text(record(1, "a"))
    logs = StackLogs(tmp_path, Wanted("p1"))

    def more() -> list[str]:
        return [line.message for line in logs.more()]

    assert [line.message for line in logs.last(0)[0]] == ["a"]
    whole = record(2, "b")
    with path.open("a") as file:
        file.write(whole[:20])
        file.flush()
        assert more() == []
        file.write(whole[20:] + record(3, "c"))
    os.rename(path, tmp_path / "worker.log.1")
    path.write_text(record(4, "d"))
    (tmp_path / "static.log").write_text(record(5, "e"))
    assert more() == ["b", "c", "d", "e"]
    assert more() == []
    logs.close()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("10m", datetime(2026, 1, 31, 11, 50, tzinfo=UTC)),
        ("2d", datetime(2026, 1, 29, 12, tzinfo=UTC)),
        ("2026-01-31T08:00:00+01:00", datetime(2026, 1, 31, 7, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_since(text: str, at: datetime):
    assert since_of(text, datetime(2026, 1, 31, 12, tzinfo=UTC)) == at


def test_since_that_is_no_time():
    with pytest.raises(WrongInputError, match="no time"):
        since_of("\x1b[31myesterday", datetime.now(UTC))


def test_the_parts_are_all_programs_of_the_stack_that_are_ours():
    assert PARTS == ("worker", "static", "dynamic", "performance", "ai", "dashboard")
