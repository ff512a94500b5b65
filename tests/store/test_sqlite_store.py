"""The result store on SQLite."""

import sqlite3

import pytest

from contract.errors import ErrorCode, PlatformError
from store.engine import parse_url
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.store import samples
from tests.store.behaviour import StoreBehaviour


@pytest.fixture
def store_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'assay.db'}"


class TestSqliteStore(StoreBehaviour):
    """See `StoreBehaviour`."""

    async def test_the_file_is_in_wal_mode(self, store, store_url):
        with sqlite3.connect(store_url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()

    async def test_a_store_that_is_gone_for_a_moment_is_not_replaced(self, store_url, tmp_path):
        await upgrade(store_url)
        file, away = tmp_path / "data" / "assay.db", tmp_path / "away.db"
        file.rename(away)
        store = SqlResultStore.from_url(store_url)

        with pytest.raises(PlatformError, match="unable to open") as gone:
            await samples.register(store, samples.plan())
        away.rename(file)
        await samples.register(store, samples.plan())
        await store.close()

        assert gone.value.retryable

    async def test_a_file_that_was_put_aside_is_written_no_more(self, store, store_url, tmp_path):
        await samples.register(store, samples.plan())
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / "data" / f"assay.db{suffix}").rename(tmp_path / f"aside.db{suffix}")
        await upgrade(store_url)

        assert await store.list_pipelines() == ()
        await samples.register(store, samples.plan("p2"))

        for url, expected in ((store_url, "p2"), (f"sqlite:///{tmp_path / 'aside.db'}", "p1")):
            other = SqlResultStore.from_url(url)
            assert [line.pipeline_id for line in await other.list_pipelines()] == [expected]
            await other.close()

    async def test_a_full_disk_is_named(self, store_url):
        await upgrade(store_url)
        store = SqlResultStore.from_url(store_url)
        async with store._engine.connect() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        with pytest.raises(PlatformError, match="disk full: free space or move ASSAY_DATA") as full:
            await samples.register(store, samples.plan(apps=2_000))
        await store.close()

        assert full.value.code is ErrorCode.RESOURCE_EXHAUSTED

    async def test_a_file_that_is_no_database_is_named(self, tmp_path):
        (tmp_path / "x.db").write_bytes(b"not a database at all, but long enough" * 40)

        with pytest.raises(PlatformError, match="no SQLite database") as broken:
            await upgrade(f"sqlite:///{tmp_path / 'x.db'}")

        assert broken.value.code is ErrorCode.DATA_LOSS

    async def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(PlatformError, match="cannot make the store's folder"):
            await upgrade(f"sqlite:///{tmp_path / 'file' / 'sub' / 'assay.db'}")


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "not a url", ""]
)
def test_other_urls_are_refused_with_the_forms_that_work(url):
    with pytest.raises(PlatformError, match="sqlite:///path/to/file") as refused:
        parse_url(url)

    assert refused.value.code is ErrorCode.INVALID_ARGUMENT


def test_short_urls_get_the_async_drivers():
    assert parse_url("postgres://u:p@h/d").drivername == "postgresql+asyncpg"
    assert parse_url("sqlite:///x.db").drivername == "sqlite+aiosqlite"
