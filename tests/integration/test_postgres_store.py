"""The result store on a real PostgreSQL."""

import asyncio

import asyncpg
import pytest

from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.journal import RecordedApp
from contract.outcome import AppOutcome
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.store import samples
from tests.store.behaviour import StoreBehaviour
from tests.store.searches import ref, weakness

pytestmark = pytest.mark.postgres


@pytest.fixture
def store_url(postgres_url: str) -> str:
    return postgres_url


WRITERS = (
    lambda store: store.record_app(
        samples.app(), AppOutcome(ref=ref(1), state=MeasurementState.MEASURED)
    ),
    lambda store: store.record_subtask(
        "p1", samples.app(), samples.outcome(samples.report(samples.measured())), None
    ),
    lambda store: store.replace_weaknesses("p1", ref(1), [weakness(0)]),
    lambda store: store.record_new("p1", [RecordedApp(spec=samples.app(), weaknesses=())]),
)


async def until_waiting(watcher: asyncpg.Connection, number: int) -> None:
    """Until so many connections of the database wait for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        while await watcher.fetchval(waiting) < number:
            await asyncio.sleep(0.01)


class TestPostgresStore(StoreBehaviour):
    """See `StoreBehaviour`."""

    async def test_a_database_that_is_missing_is_named(self, postgres_url):
        with pytest.raises(PlatformError, match="create the database") as missing:
            await upgrade(f"{postgres_url}_nope")

        assert missing.value.code is ErrorCode.FAILED_PRECONDITION

    async def test_a_lost_connection_is_replaced_by_the_pool(self, store, postgres_url):
        await samples.register(store, samples.plan())
        admin = await asyncpg.connect(postgres_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()

        assert len((await store.load_pipeline("p1")).apps) == 2

    @pytest.mark.parametrize("write", WRITERS)
    async def test_a_pipeline_is_removed_while_someone_writes_of_it(
        self, store, postgres_url, write
    ):
        """An app is locked: first a writer waits for it, then who removes the pipeline does."""
        await samples.register(store, samples.plan())
        await store.record_pipeline_state("p1", "completed", {})
        other, watcher = [await asyncpg.connect(postgres_url) for _ in range(2)]
        try:
            async with other.transaction():
                await other.execute("SELECT id FROM apps FOR UPDATE")
                writing = asyncio.create_task(write(store))
                await until_waiting(watcher, 1)
                removing = asyncio.create_task(store.prune(["p1"]))
                await until_waiting(watcher, 2)
            await writing
            assert await removing == ["p1"]
        finally:
            await other.close()
            await watcher.close()


async def test_a_server_that_is_down_is_unavailable_and_the_password_stays_secret():
    store = SqlResultStore.from_url("postgresql://user:hunter2@127.0.0.1:1/assay")

    with pytest.raises(PlatformError) as down:
        await store.list_pipelines()
    await store.close()

    assert down.value.code is ErrorCode.UNAVAILABLE
    assert "hunter2" not in down.value.message and "127.0.0.1:1" in down.value.message
