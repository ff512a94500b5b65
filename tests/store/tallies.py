"""Counts that are kept up to date: run on SQLite and on PostgreSQL."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, select, text, update

from contract.analysis import MeasurementState, Severity, ToolReport
from contract.errors import ErrorCode, PlatformError
from contract.journal import RecordedApp
from contract.plan import PlanHeader, pages_of
from contract.record import revision_of
from contract.role import AppRole
from contract.spec import AppRef, AppSpec
from store.migrate import alembic_config
from store.results import SqlResultStore
from store.tables import app_tallies, apps, cell_tallies, cells
from store.tally import counted_apps, counted_cells
from tests.store import samples
from tests.store.searches import weakness
from tests.support.new_store import new_store

STATES = list(MeasurementState)
TOOLS = ("bandit", "ruff", "semgrep", "*")
Step = Callable[[SqlResultStore], Awaitable[object]]


async def counts(store: SqlResultStore) -> tuple[dict, dict]:
    """The counts as they are kept, and as the rows say."""
    pairs = ((app_tallies, counted_apps(), "apps"), (cell_tallies, counted_cells(), "cells"))
    kept, true = {}, {}
    async with store.reading() as connection:
        for table, counting, name in pairs:
            rows = (await connection.execute(select(table).where(table.c[name] > 0))).mappings()
            kept[name] = sorted(map(repr, map(_plain, rows)))
            rows = (await connection.execute(counting)).mappings()
            true[name] = sorted(map(repr, map(_plain, rows)))
    return kept, true


def _plain(row) -> dict:
    return {
        name: value if isinstance(value, str) else int(value) for name, value in sorted(row.items())
    }


class _Draw:
    """Steps of a history that nobody chose."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def step(self) -> Step:
        return self._draw.choice(
            (
                self._register,
                self._register,
                self._register,
                self._subtask,
                self._subtask,
                self._imported,
                self._app,
                self._listed,
                self._listed,
                self._new,
                self._ended,
                self._pruned,
                self._half_done,
            )
        )()

    def _spec(self) -> AppSpec:
        role = self._draw.choice((AppRole.SUBJECT, AppRole.SUBJECT, AppRole.CONTROL))
        number = self._draw.randint(1, 5)
        return samples.app(number, self._pipeline()).model_copy(update={"role": role})

    def _pipeline(self) -> str:
        return self._draw.choice(("p1", "p2"))

    def _tools(self) -> Iterator[ToolReport]:
        for tool in self._draw.sample(TOOLS, self._draw.randint(1, 3)):
            state = self._draw.choice(STATES)
            measured = state is MeasurementState.MEASURED
            failed = samples.failed(tool).model_copy(update={"state": state})
            version, seconds = self._draw.choice(("1.0", "1.1")), self._draw.random() * 9
            done = samples.measured(tool, self._draw.randint(0, 2))
            if self._draw.random() < 0.3:
                done = samples.cached(tool, seconds)
            yield (done if measured else failed).model_copy(update={"version": version})

    def _register(self) -> Step:
        plan = samples.plan(self._pipeline(), self._draw.randint(1, 5))
        return lambda store: samples.register(store, plan)

    def _subtask(self) -> Step:
        spec, report = self._spec(), samples.report(*self._tools())
        told = report if self._draw.random() < 0.7 else None
        outcome = samples.outcome(report, spec)
        return lambda store: store.record_subtask(spec.pipeline_id, spec, outcome, told)

    def _imported(self) -> Step:
        spec = self._spec()
        tools = (tool.model_copy(update={"imported": True}) for tool in self._tools())
        report = samples.report(*tools)
        return lambda store: store.record_imported(spec, samples.outcome(report, spec), report)

    def _app(self) -> Step:
        spec = self._spec()
        ended = samples.app_outcome(self._draw.choice(STATES))
        return lambda store: store.record_app(spec, ended.model_copy(update={"ref": spec.ref}))

    def _weaknesses(self) -> list | None:
        if self._draw.random() < 0.2:
            return None
        found = self._draw.randint(0, 4)
        return [weakness(n, severity=self._draw.choice(list(Severity))) for n in range(found)]

    def _listed(self) -> Step:
        name, app = self._pipeline(), AppRef(model=samples.MODEL, app_number=1)
        made_of = revision_of(MeasurementState.MEASURED, ()) if self._draw.random() < 0.2 else None
        found = self._weaknesses()
        return lambda store: store.replace_weaknesses(name, app, found, made_of)

    def _new(self) -> Step:
        spec, report = self._spec(), samples.report(*self._tools())
        ended = samples.app_outcome(self._draw.choice(STATES)).model_copy(update={"ref": spec.ref})
        app = RecordedApp(
            spec=spec,
            subtasks=((samples.outcome(report, spec), report),),
            outcome=ended if self._draw.random() < 0.8 else None,
            weaknesses=self._weaknesses(),
        )
        return lambda store: store.record_new(spec.pipeline_id, [app])

    def _ended(self) -> Step:
        name, state = self._pipeline(), self._draw.choice(("running", "completed", "failed"))
        return lambda store: store.record_pipeline_state(name, state, {})

    def _pruned(self) -> Step:
        name = self._pipeline()
        return lambda store: store.prune([name])

    def _half_done(self) -> Step:
        first, second = self._subtask(), self._app()

        async def both(store: SqlResultStore) -> None:
            async with store.together() as together:
                await first(together)
                await second(together)
                raise RuntimeError

        return both


class TallyBehaviour:
    """Part of `StoreBehaviour`."""

    @pytest.mark.parametrize("seed", range(6))
    async def test_counts_are_those_of_the_rows_after_any_history(self, store, tmp_path, seed):
        url = f"sqlite:///{tmp_path / 'second.db'}"
        await new_store(url)
        second = SqlResultStore.from_url(url)
        draw, done = _Draw(seed), 0
        for number in range(60):
            target = second if number % 4 == 3 else store
            try:
                await draw.step()(target)
                done += 1
            except (PlatformError, RuntimeError):  # refused or broken off: nothing was changed
                pass
            kept, true = await counts(target)
            assert kept == true
        await store.adopt(second, [line.pipeline_id for line in await second.list_pipelines()])
        kept, true = await counts(store)
        await second.close()

        assert kept == true
        assert done > 20

    async def test_counts_are_right_after_writers_at_once(self, store):
        await samples.register(store, samples.plan(apps=4))

        async def worked(number: int) -> None:
            spec = samples.app(number)
            tools = [samples.measured(tool) for tool in TOOLS[:3]]
            for count in (3, 2, 1):
                report = samples.report(*reversed(tools[:count]) if number % 2 else tools[:count])
                await store.record_subtask("p1", spec, samples.outcome(report, spec), report)
            ended = samples.app_outcome(STATES[number % len(STATES)])
            await store.record_app(spec, ended.model_copy(update={"ref": spec.ref}))
            await store.replace_weaknesses("p1", spec.ref, [weakness(number)])

        grown = (samples.register(store, samples.plan(apps=apps)) for apps in (5, 6, 7))
        states = (store.record_pipeline_state("p1", "running", {"n": n}) for n in range(5))
        work = (*map(worked, range(1, 5)), *states, *grown)
        ends = await asyncio.gather(*work, return_exceptions=True)
        kept, true = await counts(store)

        # Of two larger plans at once, the smaller one may come too late.
        faults = [end for end in ends if isinstance(end, BaseException)]
        assert [end for end in faults if getattr(end, "code", "") != ErrorCode.ALREADY_EXISTS] == []
        assert kept == true
        assert await store.revision("p1")

    async def test_what_another_program_wrote_is_counted_when_the_pipeline_ends(self, store):
        await samples.register(store, samples.plan())
        report = samples.report()
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        async with store.writing() as connection:  # as a worker of an earlier version does
            await connection.execute(update(apps).values(state="measured"))
            await connection.execute(update(cells).values(state="infra_failed"))
        kept, true = await counts(store)
        assert kept != true

        await store.record_pipeline_state("p1", "completed", {})
        kept, true = await counts(store)
        assert kept == true

    async def test_each_change_gives_another_revision_and_a_refused_one_does_not(self, store):
        assert await store.revision("p1") == ""
        seen = []
        report = samples.report()
        for step in (
            lambda: samples.register(store, samples.plan()),
            lambda: store.record_subtask("p1", samples.app(), samples.outcome(report), report),
            lambda: store.record_app(samples.app(), samples.app_outcome()),
            lambda: store.replace_weaknesses("p1", samples.app().ref, [weakness()]),
            lambda: store.record_pipeline_state("p1", "completed", {}),
        ):
            await step()
            seen.append(await store.revision("p1"))
        with pytest.raises(PlatformError):
            await samples.register(store, samples.plan(parallelism=9))

        assert len(set(seen)) == 5
        assert await store.revision("p1") == seen[-1]

    async def test_who_started_a_pipeline_is_kept_and_joins_no_plan(self, store):
        plan = samples.plan()
        page = pages_of(plan)[0]
        await store.register_page(PlanHeader.of(plan, "ann@host"), page)
        await store.register_page(PlanHeader.of(plan, "bob@host"), page)

        (line,) = await store.list_pipelines()
        (head,) = await store.pipeline_heads()
        assert line.started_by == head.started_by == "ann@host"
        assert await store.load_header("p1") == PlanHeader.of(plan, "ann@host")
        assert (await store.reopening("p1", [])).header.started_by == "ann@host"

    async def test_counts_of_an_older_store_are_made_by_its_migration(self, store, engine):
        def move(connection: Connection, there, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            there(config, revision)
            return set(inspect(connection).get_table_names())

        await samples.register(store, samples.plan())
        report = samples.report()
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        await store.record_app(samples.app(), samples.app_outcome())
        await store.replace_weaknesses("p1", samples.app().ref, [weakness()])
        before = await store.overview("p1")

        async with engine.begin() as connection:
            old = await connection.run_sync(move, command.downgrade, "0007")
            assert old.isdisjoint({"app_tallies", "cell_tallies", "revisions"})
            row = (await connection.execute(text("SELECT * FROM pipelines"))).mappings().one()
            assert "started_by" not in row
            await connection.run_sync(move, command.upgrade, "head")

        kept, true = await counts(store)
        assert kept == true
        assert await store.overview("p1") == before
        assert await store.revision("p1")
