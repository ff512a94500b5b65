"""The result store on a real PostgreSQL."""

import pytest

from contract.errors import ErrorCode, PlatformError
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.store import samples
from tests.store.behaviour import StoreBehaviour

pytestmark = pytest.mark.postgres


@pytest.fixture
def store_url(postgres_url: str) -> str:
    return postgres_url


class TestPostgresStore(StoreBehaviour):
    """See `StoreBehaviour`."""

    async def test_a_database_that_is_missing_is_named(self, postgres_url):
        with pytest.raises(PlatformError, match="create the database") as missing:
            await upgrade(f"{postgres_url}_nope")

        assert missing.value.code is ErrorCode.FAILED_PRECONDITION

    async def test_a_lost_connection_is_replaced_by_the_pool(self, store, postgres_url):
        import asyncpg

        await samples.register(store, samples.plan())
        admin = await asyncpg.connect(postgres_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()

        assert len((await store.load_pipeline("p1")).apps) == 2


async def test_a_server_that_is_down_is_unavailable_and_the_password_stays_secret():
    store = SqlResultStore.from_url("postgresql://user:hunter2@127.0.0.1:1/assay")

    with pytest.raises(PlatformError) as down:
        await store.list_pipelines()
    await store.close()

    assert down.value.code is ErrorCode.UNAVAILABLE
    assert "hunter2" not in down.value.message and "127.0.0.1:1" in down.value.message
