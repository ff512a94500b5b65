"""How a database comes to the newest schema, and back."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, func, inspect, select, text

from contract.analysis import Coverage, MeasurementState, Skipped
from contract.errors import NewerSchemaError, PlatformError
from contract.findings import FindingsQuery
from contract.outcome import AppFacts
from contract.spec import AppRole
from store.access_tables import metadata as all_tables
from store.migrate import alembic_config, downgrade, known_schemas, schema_of, upgrade
from store.tables import apps, findings, metadata, pipelines
from tests.store import samples
from tests.store.searches import weakness

# What an app counts is known again when its report is written; `apps.weaknesses` says so.
COUNTED = {"apps": {"weaknesses"}}


async def fill(store, engine) -> None:
    """A row at least in every table, as a pipeline and its people leave them."""
    await samples.register(store, samples.plan())
    tools = samples.cached("bandit", 7.5), samples.failed()
    report = samples.report(*tools, fused=(samples.finding(0),))
    await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
    await store.record_app(samples.app(), samples.app_outcome(facts=samples.RAN))
    await store.replace_weaknesses("p1", samples.app().ref, [weakness(0)])
    async with engine.begin() as connection:
        await connection.run_sync(_fill_the_rest)


def _fill_the_rest(connection: Connection) -> None:
    """Tables that are empty get a row of made-up values; those they refer to come first."""
    for table in all_tables.sorted_tables:
        if connection.execute(select(table)).first() is None:
            row = {column.name: _made_up(column, connection) for column in table.columns}
            connection.execute(table.insert().values(row))


def _made_up(column, connection: Connection) -> object:
    for key in column.foreign_keys:
        return connection.scalar(select(key.column))
    kinds = {bool: True, int: 1, float: 1.5, str: "x", datetime: datetime(2026, 1, 2, tzinfo=UTC)}
    try:
        return kinds[column.type.python_type]
    except (KeyError, NotImplementedError):
        return {} if "JSON" in repr(column.type) else kinds[datetime]


def move_to(connection: Connection, there, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    there(config, revision)


def rows_of_all(connection: Connection) -> dict[str, list[dict]]:
    """Every row of every table, however it is called now; JSON as a value."""
    found = MetaData()
    found.reflect(connection)
    return {
        name: [dict(row._mapping) for row in connection.execute(select(table))]
        for name, table in found.tables.items()
        if name != "alembic_version"
    }


def require_kept(before: dict[str, list[dict]], after: dict[str, list[dict]], step: str) -> None:
    """Tables and columns that both schemas have hold the same rows, but for what is counted."""
    for table in before.keys() & after.keys():
        assert len(before[table]) == len(after[table]), (step, table)
        if not before[table]:
            continue
        both = (before[table][0].keys() & after[table][0].keys()) - COUNTED.get(table, set())
        old, new = (
            sorted(map(partial(_only, both), rows)) for rows in (before[table], after[table])
        )
        assert old == new, (step, table)


def _only(names: set[str], row: dict) -> str:
    return repr({name: row[name] for name in sorted(names)})


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

        await samples.register(store, samples.plan())
        report = samples.report(samples.cached("bandit", 7.5), samples.failed())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        assert (await store.load_pipeline("p1")).cells[0].saved_seconds == 7.5

        async with engine.begin() as connection:
            assert "saved_seconds" not in await connection.run_sync(to, "0002")
            assert await connection.scalar(select(func.count()).select_from(findings)) == 2
            assert "saved_seconds" in await connection.run_sync(to, "head")

        (bandit, _) = (await store.load_pipeline("p1")).cells
        assert (bandit.state, bandit.saved_seconds) == (MeasurementState.MEASURED, 0.0)

    async def test_what_was_known_of_an_app_is_carried_over_into_its_body(self, store, engine):
        def move(connection: Connection, there) -> dict:
            config = alembic_config()
            config.attributes["connection"] = connection
            there(config, "0004" if there is command.downgrade else "head")
            return {column["name"] for column in inspect(connection).get_columns("apps")}

        await samples.register(store, samples.plan())
        await store.record_app(samples.app(), samples.app_outcome(facts=samples.RAN))
        before = (await store.load_pipeline("p1")).apps

        async with engine.begin() as connection:
            old = await connection.run_sync(move, command.downgrade)
            assert old >= {"template", "source_digest", "main_file", "logs", "images", "notes"}
            row = (await connection.execute(text("SELECT * FROM apps ORDER BY ordinal"))).first()
            assert (row.source_digest, row.main_file) == ("d1", "Dockerfile")
            assert row.template == before[0].template
            assert samples.RAN.images[0].name in str(row.images)
            new = await connection.run_sync(move, command.upgrade)
            assert new.isdisjoint({"source_digest", "main_file", "logs", "images", "notes"})

        (ran, other) = (await store.load_pipeline("p1")).apps
        assert (ran.facts.logs, ran.facts.notes) == (before[0].facts.logs, samples.RAN.notes)
        assert [image.name for image in ran.facts.images] == [samples.RAN.images[0].name]
        assert (ran.state, ran.source.digest) == (before[0].state, "d1")
        assert ran.template == before[0].template
        assert (other.facts, other.source.main_file) == (AppFacts(), "Dockerfile")

    async def test_role_and_template_become_columns_and_nothing_is_listed_yet(self, store, engine):
        def move(connection: Connection, there, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            there(config, revision)
            return set(inspect(connection).get_table_names())

        plan = samples.plan()
        control = plan.apps[1].model_copy(update={"role": AppRole.CONTROL, "template": None})
        plan = plan.model_copy(update={"apps": (plan.apps[0], control)})
        await samples.register(store, plan)
        await store.record_app(samples.app(), samples.app_outcome())
        await store.replace_weaknesses("p1", samples.app().ref, [])
        before = await store.load_pipeline("p1")

        async with engine.begin() as connection:
            old = await connection.run_sync(move, command.downgrade, "0005")
            assert old.isdisjoint({"weaknesses", "weakness_tools", "suppressions", "pruned"})
            new = await connection.run_sync(move, command.upgrade, "head")
            assert new >= {"weaknesses", "weakness_tools", "suppressions", "pruned"}
            columns = select(apps.c.role, apps.c.template, apps.c.weaknesses)
            rows = (await connection.execute(columns.order_by(apps.c.ordinal))).all()

        assert [tuple(row) for row in rows] == [("subject", "notes", None), ("control", None, None)]
        assert await store.load_pipeline("p1") == before
        page = await store.findings_page(FindingsQuery(pipeline_id="p1"))
        assert (page.items, page.unlisted_apps) == ((), 1)

    async def test_looks_at_a_part_are_found_in_what_was_recorded_before(self, store, engine):
        def move(connection: Connection, there, revision: str) -> None:
            config = alembic_config()
            config.attributes["connection"] = connection
            there(config, revision)

        left_out = Coverage(unit="urls", reached=2, skipped=(Skipped(what="/a", reason="cut"),))
        reports = [
            samples.measured("whole").model_copy(
                update={"coverage": Coverage(unit="files", reached=3, given=3)}
            ),
            samples.measured("total"),
            samples.measured("sample").model_copy(update={"coverage": left_out}),
            samples.measured("given").model_copy(
                update={"coverage": Coverage(unit="files", reached=3, given=9)}
            ),
            samples.failed("lost"),
        ]
        await samples.register(store, samples.plan())
        report = samples.report(*reports)
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        before = await store.looks_overview("p1")

        async with engine.begin() as connection:
            await connection.run_sync(move, command.downgrade, "0008")
            await connection.run_sync(move, command.upgrade, "head")
        after = await store.looks_overview("p1")

        assert after == before
        told = {cell.tool: cell.partial for cell in after.cells}
        assert told == {"whole": 0, "total": 1, "sample": 1, "given": 1, "lost": 0}

    async def test_each_step_back_and_forward_keeps_what_both_schemas_know(self, store, engine):
        await fill(store, engine)
        revisions = ("base", *known_schemas())
        async with engine.begin() as connection:

            async def go(there, revision: str) -> dict[str, list[dict]]:
                await connection.run_sync(move_to, there, revision)
                return await connection.run_sync(rows_of_all)

            rows = await connection.run_sync(rows_of_all)
            for revision, after in pairwise(reversed(revisions)):
                back = await go(command.downgrade, after)
                require_kept(rows, back, f"{revision} back to {after}")
                forward = await go(command.upgrade, revision)
                require_kept(back, forward, f"{after} to {revision}")
                rows = await go(command.downgrade, after)
            assert rows == {}

    async def test_an_old_store_with_its_rows_comes_to_the_newest_schema(self, store, engine):
        await fill(store, engine)
        async with engine.begin() as connection:
            await connection.run_sync(move_to, command.downgrade, known_schemas()[0])
            await connection.run_sync(move_to, command.upgrade, "head")
        record = await store.load_pipeline("p1")
        states = {cell.tool: (str(cell.state), cell.artifact) for cell in record.cells}
        assert states["bandit"] == ("measured", samples.ARTIFACT)
        assert states["semgrep"][0] == "infra_failed"

    async def test_a_later_schema_is_refused_by_both_ways_and_named(self, store, store_url, engine):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for move in (upgrade(store_url), downgrade(store_url, "0001")):
            await engine.dispose()
            await store.close()
            with pytest.raises(NewerSchemaError, match="has schema 9999"):
                await move

    async def test_it_goes_back_only_while_nobody_else_uses_it(self, store, store_url, engine):
        await store.list_pipelines()
        with pytest.raises(PlatformError, match="in use by another program"):
            await downgrade(store_url, "0008")
        await store.close()
        await engine.dispose()
        await downgrade(store_url, "0008")

        assert await schema_of(store_url) == "0008"
        with pytest.raises(PlatformError, match="none before it"):
            await downgrade(store_url, "0009")

    async def test_concurrent_upgrades_end_in_one_schema(self, empty_url, engine):
        await asyncio.gather(*(upgrade(empty_url) for _ in range(8)))

        async with engine.begin() as connection:
            assert await connection.scalar(select(func.count()).select_from(pipelines)) == 0
