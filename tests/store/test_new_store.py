"""A copied store of the tests is one that was migrated."""

import sqlite3
from contextlib import closing
from pathlib import Path

from store.migrate import upgrade
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store


def dump_of(file: Path) -> tuple[list[str], object]:
    """Every statement that makes this database anew, and how it is journaled."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump()), connection.execute("PRAGMA journal_mode").fetchone()


async def test_a_copy_is_what_a_migration_makes(tmp_path: Path):
    copied, migrated = tmp_path / "copied" / "assay.db", tmp_path / "migrated.db"

    await new_store(f"sqlite:///{copied}")
    await upgrade(f"sqlite:///{migrated}")

    assert dump_of(copied) == dump_of(migrated)
    assert dump_of(copied)[1] == ("wal",)
    assert copied.stat().st_mode == migrated.stat().st_mode


async def test_no_two_share_a_row_and_one_that_is_there_is_kept(tmp_path: Path):
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    await new_store(urls[0])
    store = SqlResultStore.from_url(urls[0])
    await samples.register(store, samples.plan("p1"))
    await store.close()

    for url in urls:
        await new_store(url)

    stores = [SqlResultStore.from_url(url) for url in urls]
    listed = [[one.pipeline_id for one in await store.list_pipelines()] for store in stores]
    for store in stores:
        await store.close()
    assert listed == [["p1"], []]
