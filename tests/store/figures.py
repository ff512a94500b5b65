"""Figures of apps over pipelines: kept, dropped when cells change, made where none are kept."""

import json
import math

from alembic import command
from sqlalchemy import Connection, delete, func, inspect, select

from contract.analysis import MeasurementState, Metric
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.journal import RecordedApp
from store.figure_tables import app_figures
from store.migrate import alembic_config
from tests.store import samples
from tests.store.searches import ref


async def recorded(store, name: str, findings: int = 2, **options: dict) -> None:
    plan = samples.plan(name)
    spec = plan.spec.model_copy(
        update={"options": {AnalyzerKind(kind): its for kind, its in options.items()}}
    )
    await samples.register(store, plan.model_copy(update={"spec": spec}))
    app = samples.app(1, name)
    report = samples.report(samples.measured(findings=findings), samples.failed())
    report = report.model_copy(update={"subtask_id": app.subtask_id(report.analyzer)})
    outcome = samples.outcome(report, app)
    await store.record_subtask(name, app, outcome, report)
    await store.record_app(app, samples.app_outcome())


def samples_of_both_kinds() -> RecordedApp:
    """An app that was scanned and put under load, with values that no database holds."""
    steps = [{"rate": 5.0, "latency": {"p50": 0.02, "p95": math.nan}}, {"rate": 50.0}]
    loaded = samples.measured("oha\0", findings=0).model_copy(
        update={
            "metrics": (
                Metric(name="latency_p50", value=0.01, unit="s", target="GET /"),
                Metric(name="error_ratio", value=0.125, unit="ratio", target="GET /"),
                Metric(name="contended", value=1.0, unit="bool"),
            ),
            "data": {"steps": {"GET /": steps, "x\0": [{"rate": math.inf}]}},
        }
    )
    static = samples.report(samples.measured(), samples.failed())
    load = samples.report(loaded).model_copy(update={"analyzer": AnalyzerKind.PERFORMANCE})
    return RecordedApp(
        spec=samples.app(),
        subtasks=tuple((samples.outcome(report), report) for report in (static, load)),
        outcome=samples.app_outcome(),
        weaknesses=(),
    )


async def kept(engine) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(app_figures))


class FiguresBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_figures_are_the_same_whether_they_were_kept_or_not(self, store, engine):
        for number, name in enumerate(("p1", "p2")):
            await recorded(store, name, number + 1, dynamic={"profile": number})
        made = await store.figures_of_app(ref(1))
        assert await kept(engine) == 0
        for name in ("p1", "p2"):
            await store.replace_weaknesses(name, ref(1), [])
        assert await kept(engine) == 2

        assert await store.figures_of_app(ref(1)) == made
        parts = [part async for part in store.figures_of_pipeline("p2")]
        assert [at.pipeline_id for at in made.pipelines] == ["p1", "p2"]
        assert parts == [made]
        first, second = (at.conditions for at in made.pipelines)
        assert {kind for kind in first if first[kind] != second[kind]} == {"dynamic"}
        tools = [json.loads(row.scans) for row in made.rows]
        bandit, semgrep = tools[1]["static/bandit"], tools[1]["static/semgrep"]
        assert (bandit["n"], tools[0]["static/bandit"]["n"]) == (2, 1)
        assert (bandit["s"], bandit["p"], bandit["k"]) == ("measured", 1, "c0dec0de")
        assert semgrep == {"v": "", "s": MeasurementState.INFRA_FAILED}
        assert (await store.figures_of_app(ref(1), "p1")).pipelines == made.pipelines[:1]

    async def test_figures_of_cells_that_change_are_not_kept(self, store, engine):
        await recorded(store, "p1")
        await store.replace_weaknesses("p1", ref(1), [])
        assert await kept(engine) == 1

        report = samples.report(samples.measured(findings=5))
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        assert await kept(engine) == 0
        (row,) = (await store.figures_of_app(ref(1))).rows
        assert json.loads(row.scans)["static/bandit"]["n"] == 5

    async def test_figures_of_an_import_are_those_that_its_rows_give(self, store, engine):
        await samples.register(store, samples.plan("p1"))
        await store.record_new("p1", [samples_of_both_kinds()])
        kept_at_once = await store.figures_of_app(ref(1))
        assert await kept(engine) == 1
        async with engine.begin() as connection:
            await connection.execute(delete(app_figures))

        assert await store.figures_of_app(ref(1)) == kept_at_once
        (row,) = kept_at_once.rows
        (load,) = json.loads(row.load).values()
        assert load["f"]["latency_p50"] == {"GET /": 0.02}
        assert json.loads(row.scans)["static/bandit"]["n"] == 2

    async def test_an_unknown_pipeline_is_named_and_an_unknown_app_has_no_history(self, store):
        await recorded(store, "p1")
        assert (await store.figures_of_app(ref(9))).pipelines == []
        try:
            await store.figures_of_app(ref(1), "nobody")
        except PlatformError as error:
            assert "nobody" in error.message
        else:
            raise AssertionError("no error")

    async def test_the_table_comes_and_goes_with_its_migration_and_nothing_is_lost(
        self, store, engine
    ):
        def move(connection: Connection, there, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            there(config, revision)
            return set(inspect(connection).get_table_names())

        await recorded(store, "p1")
        await store.replace_weaknesses("p1", ref(1), [])
        before = await store.figures_of_app(ref(1))

        async with engine.begin() as connection:
            assert "app_figures" not in await connection.run_sync(move, command.downgrade, "0009")
            assert "app_figures" in await connection.run_sync(move, command.upgrade, "head")

        assert await kept(engine) == 0
        assert await store.figures_of_app(ref(1)) == before
