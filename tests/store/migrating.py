"""How a database comes to the newest schema, and back."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, inspect, select

from contract.analysis import MeasurementState
from store.migrate import alembic_config, upgrade
from store.tables import findings, metadata, pipelines
from tests.store import samples


class MigrationBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_migrations_give_exactly_the_tables(self, store, engine):
        def differences(connection: Connection) -> list:
            return compare_metadata(MigrationContext.configure(connection), metadata)

        async with engine.begin() as connection:
            assert await connection.run_sync(differences) == []

    async def test_saved_seconds_come_and_go_with_their_migration(self, store, engine):
        def to(connection: Connection, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            move = command.downgrade if revision == "0002" else command.upgrade
            move(config, revision)
            columns = inspect(connection).get_columns("cells")
            return {column["name"] for column in columns}

        await store.register_pipeline(samples.plan())
        report = samples.report(samples.cached("bandit", 7.5), samples.failed())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        assert (await store.load_pipeline("p1")).cells[0].saved_seconds == 7.5

        async with engine.begin() as connection:
            assert "saved_seconds" not in await connection.run_sync(to, "0002")
            assert await connection.scalar(select(func.count()).select_from(findings)) == 2
            assert "saved_seconds" in await connection.run_sync(to, "head")

        (bandit, _) = (await store.load_pipeline("p1")).cells
        assert (bandit.state, bandit.saved_seconds) == (MeasurementState.MEASURED, 0.0)

    async def test_concurrent_upgrades_end_in_one_schema(self, store_url, engine):
        await asyncio.gather(*(upgrade(store_url) for _ in range(8)))

        async with engine.begin() as connection:
            assert await connection.scalar(select(func.count()).select_from(pipelines)) == 0
