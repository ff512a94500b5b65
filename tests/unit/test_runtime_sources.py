"""Sources an analyzer keeps: bounded in number, size and time; nothing in use is taken away."""

import os
import time
from pathlib import Path

import pytest

from analyzers.runtime.wire import uploads as sources
from analyzers.runtime.wire.uploads import SourceStore, digest_folder
from clients.analyzers.upload import pack_source
from clients.source import digest_tree

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S


def aged(path: Path, age_s: float) -> Path:
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def kept(folder: Path, name: str, age_s: float, size_bytes: int = 1) -> Path:
    (folder / name).mkdir()
    (folder / name / "app.py").write_bytes(b"x" * size_bytes)
    return aged(folder / name, age_s)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_an_upload_under_way_is_left_alone_and_a_broken_one_goes(tmp_path: Path):
    store = SourceStore(tmp_path)
    (tmp_path / "part-new.tar").write_bytes(b"half")
    kept(tmp_path, "part-new", 0)
    aged(tmp_path / "part-new.tar", HOUR_S / 2)
    (tmp_path / "part-old.tar").write_bytes(b"half")
    aged(tmp_path / "part-old.tar", 2 * HOUR_S)
    kept(tmp_path, "part-old", 2 * HOUR_S)
    store.expire()
    assert names(tmp_path) == ["part-new", "part-new.tar"]


def test_what_was_not_used_for_a_week_goes(tmp_path: Path):
    kept(tmp_path, "used", 6 * DAY_S)
    kept(tmp_path, "unused", 8 * DAY_S)
    SourceStore(tmp_path).expire()
    assert names(tmp_path) == ["used"]


def test_above_the_total_the_longest_unused_go_but_none_in_use(tmp_path: Path):
    for name, age_s in (("running", HOUR_S), ("recent", DAY_S), ("old", 2 * DAY_S)):
        kept(tmp_path, name, age_s, 50_000)
    SourceStore(tmp_path).expire(max_bytes=120_000)
    assert names(tmp_path) == ["recent", "running"]
    SourceStore(tmp_path).expire(max_bytes=1)
    assert names(tmp_path) == ["running"]


def test_a_kept_source_counts_as_used_when_it_is_found(tmp_path: Path):
    app, archive = tmp_path / "app", tmp_path / "upload.tar"
    app.mkdir()
    (app / "app.py").write_text("x = 1\n")
    source = digest_tree(app)
    pack_source(source, archive)
    store = SourceStore(tmp_path / "sources")
    store.unpack(archive, source.digest)
    aged(tmp_path / "sources" / source.digest, 8 * DAY_S)
    assert store.find(source).name == source.digest
    store.expire()
    assert names(tmp_path / "sources") == [source.digest]


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_TREE_BYTES", 10), ("MAX_FILES", 1), ("_MAX_ENTRIES", 2)]
)
def test_a_named_folder_above_the_bounds_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 6)
    (tmp_path / "empty").mkdir()
    assert digest_folder(tmp_path) == digest_tree(tmp_path).digest
    monkeypatch.setattr(sources, limit, value)
    assert digest_folder(tmp_path) == ""
