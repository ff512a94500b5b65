"""A store that stays open between questions answers as one that is opened for each."""

from pathlib import Path

import pytest

from contract.errors import ErrorCode, PlatformError
from control.stored import Stored
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store


def kept(folder: Path) -> Stored:
    return Stored(f"sqlite:///{folder / 'assay.db'}", in_use=lambda: False).kept()


async def made(folder: Path, pipeline_id: str) -> None:
    """A store with one pipeline."""
    url = f"sqlite:///{folder / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan(pipeline_id))
    await store.close()


async def ids(stored: Stored) -> list[str]:
    return [head.pipeline_id for head in await stored.heads()]


async def test_what_is_written_later_is_seen(tmp_path: Path):
    stored = kept(tmp_path)
    assert await ids(stored) == []
    await made(tmp_path, "p1")
    assert await ids(stored) == ["p1"]
    await made(tmp_path, "p2")
    assert sorted(await ids(stored)) == ["p1", "p2"]
    await stored.close()


async def test_a_file_that_takes_the_place_of_the_old_one_is_read(tmp_path: Path):
    stored = kept(tmp_path)
    await made(tmp_path, "old")
    assert await ids(stored) == ["old"]
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"assay.db{suffix}").rename(tmp_path / f"aside.db{suffix}")
    await made(tmp_path, "new")

    assert await ids(stored) == ["new"]
    await stored.close()


async def test_a_question_after_the_end_opens_it_anew(tmp_path: Path):
    stored = kept(tmp_path)
    await made(tmp_path, "p1")
    assert await ids(stored) == ["p1"]
    await stored.close()

    assert await ids(stored) == ["p1"]
    await stored.close()


async def test_an_unusable_file_is_one_clear_error(tmp_path: Path):
    (tmp_path / "assay.db").write_bytes(b"no database " * 999)
    stored = kept(tmp_path)
    with pytest.raises(PlatformError) as damaged:
        await ids(stored)
    await stored.close()

    assert damaged.value.code is ErrorCode.DATA_LOSS


async def test_two_of_one_process_share_what_is_open(tmp_path: Path):
    stored = kept(tmp_path)
    assert stored.kept().open is stored.open
