"""What every result store must do, whatever database is below: run on SQLite and on PostgreSQL."""

import asyncio

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from contract.analysis import MeasurementState, Metric
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.outcome import FUSION, SubtaskOutcome, ToolSummary
from store.engine import make_engine
from store.results import SqlResultStore
from store.tables import apps, cells, findings, metrics, pipelines
from tests.store import samples
from tests.store.access import AccessBehaviour
from tests.store.alerts import AlertBehaviour
from tests.store.app_runs import AppRunsBehaviour
from tests.store.figures import FiguresBehaviour
from tests.store.history import HistoryBehaviour
from tests.store.looks import LooksBehaviour
from tests.store.migrating import MigrationBehaviour
from tests.store.plans import PlanBehaviour
from tests.store.retries import RetryBehaviour
from tests.store.scans import ScanBehaviour
from tests.store.searches import ImportBehaviour, SearchBehaviour
from tests.store.tallies import TallyBehaviour
from tests.support.new_store import new_database, new_store


class StoreBehaviour(
    AppRunsBehaviour,
    FiguresBehaviour,
    RetryBehaviour,
    MigrationBehaviour,
    PlanBehaviour,
    SearchBehaviour,
    ImportBehaviour,
    HistoryBehaviour,
    LooksBehaviour,
    AccessBehaviour,
    ScanBehaviour,
    TallyBehaviour,
    AlertBehaviour,
):
    """Subclasses give a fixture `store_url` of a database that is not there yet."""

    @pytest.fixture
    async def empty_url(self, store_url: str) -> str:
        await new_database(store_url)
        return store_url

    @pytest.fixture
    async def store(self, store_url: str):
        await new_store(store_url)
        store = SqlResultStore.from_url(store_url)
        yield store
        await store.close()

    @pytest.fixture
    async def engine(self, store_url: str):
        engine = make_engine(store_url)
        yield engine
        await engine.dispose()

    async def test_a_second_row_of_an_app_is_refused_by_the_database_itself(self, store, engine):
        await samples.register(store, samples.plan(apps=1))
        async with engine.begin() as connection:
            row = (await connection.execute(select(apps))).one()
        again = {name: value for name, value in row._mapping.items() if name != "id"}

        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(insert(apps), again)

    async def test_fifty_registrations_at_once_give_one_row_per_app(self, store, engine):
        plan = samples.plan(apps=4)

        await asyncio.gather(*(samples.register(store, plan) for _ in range(50)))

        async with engine.begin() as connection:
            assert await connection.scalar(select(func.count()).select_from(apps)) == 4
            assert await connection.scalar(select(func.count()).select_from(pipelines)) == 1

    async def test_a_different_plan_under_the_same_id_is_refused_whole(self, store):
        await samples.register(store, samples.plan(apps=2))
        before = await store.load_pipeline("p1")

        with pytest.raises(PlatformError, match="its spec differs; use another ID") as refused:
            await samples.register(store, samples.plan(apps=3, parallelism=9))

        assert refused.value.code is ErrorCode.ALREADY_EXISTS
        assert await store.load_pipeline("p1") == before

    async def test_a_plan_with_more_apps_extends_the_pipeline(self, store):
        await samples.register(store, samples.plan(apps=2))
        await store.record_app(samples.app(), samples.app_outcome())

        await samples.register(store, samples.plan(apps=4))

        apps_ = (await store.load_pipeline("p1")).apps
        assert [app.ref.app_number for app in apps_] == [1, 2, 3, 4]
        assert apps_[0].state is MeasurementState.MEASURED

    async def test_an_outline_tells_of_the_apps_and_of_one_its_cells_without_findings(self, store):
        await samples.register(store, samples.plan(apps=2))
        report = samples.report(samples.measured())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        whole = await store.load_outline("p1")
        one = await store.load_outline("p1", samples.app(1).ref)
        other = await store.load_outline("p1", samples.app(2).ref)

        assert [app.ref.app_number for app in whole.apps] == [1, 2]
        assert whole.cells == ()
        assert [app.ref.app_number for app in one.apps] == [1]
        assert [(cell.tool, cell.report.findings) for cell in one.cells] == [("bandit", ())]
        assert one.cells[0].artifact == samples.ARTIFACT
        assert (len(other.apps), other.cells) == (1, ())
        with pytest.raises(PlatformError, match="NOT_FOUND"):
            await store.load_outline("nowhere")

    async def test_a_plan_without_a_registered_app_is_refused(self, store):
        await samples.register(store, samples.plan(apps=2))

        with pytest.raises(PlatformError, match=r"gpt-4\.1/app2 is missing"):
            await samples.register(store, samples.plan(apps=1))

    async def test_a_plan_whose_app_has_other_files_is_refused(self, store):
        plan = samples.plan(apps=1)
        await samples.register(store, plan)
        edited = plan.apps[0].source.model_copy(update={"digest": "other"})
        again = plan.apps[0].model_copy(update={"source": edited})

        with pytest.raises(PlatformError, match="other files"):
            await samples.register(store, plan.model_copy(update={"apps": (again,)}))

    async def test_a_plan_from_before_main_files_were_known_is_the_same_plan(self, store):
        plan = samples.plan(apps=1)
        await samples.register(store, plan)
        older = plan.apps[0].source.model_copy(update={"main_file": ""})
        again = plan.model_copy(
            update={"apps": (plan.apps[0].model_copy(update={"source": older}),)}
        )

        await samples.register(store, again)

        assert again.digest == plan.digest

    async def test_of_two_plans_at_once_one_wins_and_the_other_leaves_nothing(self, store):
        plans = [samples.plan(apps=2, parallelism=2), samples.plan(apps=5)]

        results = await asyncio.gather(
            *(samples.register(store, plan) for plan in plans), return_exceptions=True
        )

        refused = [result for result in results if result is not None]
        assert [error.code for error in refused] == [ErrorCode.ALREADY_EXISTS]
        winner = plans[results.index(None)]
        assert len((await store.load_pipeline("p1")).apps) == len(winner.apps)

    async def test_what_was_recorded_is_what_is_loaded(self, store):
        await samples.register(store, samples.plan())
        fused = samples.finding(7).model_copy(update={"witnesses": ("bandit:B7", "semgrep:x")})
        report = samples.report(fused=(fused,))

        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        await store.record_app(samples.app(), samples.app_outcome())

        record = await store.load_pipeline("p1")
        bandit, semgrep = record.cells
        recorded = report.tools[0]
        assert (bandit.tool, bandit.state) == ("bandit", MeasurementState.MEASURED)
        assert bandit.report.findings == recorded.findings
        assert bandit.report.metrics == recorded.metrics
        assert bandit.report.coverage == recorded.coverage
        assert bandit.report.provenance == recorded.provenance
        assert bandit.report.data == recorded.data
        assert (bandit.artifact, bandit.attempts) == (samples.ARTIFACT, 2)
        assert bandit.wasted_seconds + semgrep.wasted_seconds == 4.0
        assert (semgrep.report.reason, semgrep.report.coverage) == (
            "exit code 2: out of memory",
            None,
        )
        assert record.fused[0].findings == (fused,)
        assert [app.state for app in record.apps] == [MeasurementState.MEASURED, None]
        assert record.apps[0].facts.logs[0].name == "build.log"
        assert [app.source.main_file for app in record.apps] == ["Dockerfile", "Dockerfile"]
        assert record.spec["parallelism"] == 3

    async def test_a_fusion_without_result_is_told_from_one_that_failed(self, store):
        await samples.register(store, samples.plan())
        for tools, fused in (
            ((samples.measured(),), [()]),
            ((samples.measured(), samples.failed(FUSION)), []),
        ):
            report = samples.report(*tools)
            await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

            assert [one.findings for one in (await store.load_pipeline("p1")).fused] == fused

    async def test_recording_twice_changes_nothing(self, store):
        await samples.register(store, samples.plan())
        report = samples.report(fused=(samples.finding(3),))

        async def record() -> None:
            await samples.register(store, samples.plan())
            await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
            await store.record_app(samples.app(), samples.app_outcome())
            await store.record_pipeline_state("p1", "completed", {"restarts": 1})

        await record()
        once = await store.load_pipeline("p1")
        await record()

        assert await store.load_pipeline("p1") == once

    async def test_a_rerun_replaces_what_its_subtask_left(self, store, engine):
        await samples.register(store, samples.plan())
        first = samples.report(samples.measured("bandit", 5), samples.failed())
        second = samples.report(samples.measured("bandit", 1))

        for report in (first, second):
            await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        record = await store.load_pipeline("p1")
        assert [(cell.tool, len(cell.report.findings)) for cell in record.cells] == [("bandit", 1)]
        async with engine.begin() as connection:
            assert await connection.scalar(select(func.count()).select_from(findings)) == 1
            assert await connection.scalar(select(func.count()).select_from(metrics)) == 1

    async def test_twenty_recordings_of_one_subtask_at_once_leave_one_set_of_cells(self, store):
        await samples.register(store, samples.plan())
        report = samples.report()

        await asyncio.gather(
            *(
                store.record_subtask("p1", samples.app(), samples.outcome(report), report)
                for _ in range(20)
            )
        )

        record = await store.load_pipeline("p1")
        assert [cell.tool for cell in record.cells] == ["bandit", "semgrep"]
        assert len(record.cells[0].report.findings) == 2

    async def test_twenty_recordings_of_different_apps_at_once_are_all_there(self, store):
        await samples.register(store, samples.plan(apps=20))
        report = samples.report()

        async def record(number: int) -> None:
            spec = samples.app(number)
            await store.record_subtask("p1", spec, samples.outcome(report, spec), report)

        await asyncio.gather(*(record(number) for number in range(1, 21)))

        record_ = await store.load_pipeline("p1")
        assert len(record_.cells) == 40
        assert {cell.ref.app_number for cell in record_.cells} == set(range(1, 21))

    async def test_a_subtask_without_report_still_has_its_cells(self, store):
        await samples.register(store, samples.plan())
        lost = SubtaskOutcome(
            subtask_id=samples.app().subtask_id(AnalyzerKind.DYNAMIC),
            analyzer=AnalyzerKind.DYNAMIC,
            tools=(
                ToolSummary(
                    tool="*", state=MeasurementState.INFRA_FAILED, reason="analyzer is down"
                ),
            ),
            error_code="UNAVAILABLE",
        )

        await store.record_subtask("p1", samples.app(), lost, None)

        (cell,) = (await store.load_pipeline("p1")).cells
        assert (cell.tool, cell.state) == ("*", MeasurementState.INFRA_FAILED)
        assert cell.report.reason == "analyzer is down"

    async def test_logs_of_earlier_attempts_stay(self, store):
        await samples.register(store, samples.plan())

        await store.record_app(
            samples.app(), samples.app_outcome(MeasurementState.INFRA_FAILED, "attempt1.log")
        )
        await store.record_app(samples.app(), samples.app_outcome(log="attempt2.log"))

        app = (await store.load_pipeline("p1")).apps[0]
        assert (app.state, app.reason) == (MeasurementState.MEASURED, "")
        assert [log.name for log in app.facts.logs] == ["attempt1.log", "attempt2.log"]

    async def test_strings_of_hostile_apps_are_stored(self, store):
        await samples.register(store, samples.plan())
        tool = samples.measured(findings=0).model_copy(
            update={
                "findings": (samples.finding(message="nul \0 and '); DROP TABLE apps"),),
                "data": {"k\0": ["\udfff", float("nan")]},
            }
        )
        report = samples.report(tool, samples.failed(reason="died \0 here"))

        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        bandit, semgrep = (await store.load_pipeline("p1")).cells
        assert bandit.report.findings[0].message == "nul � and '); DROP TABLE apps"
        assert bandit.report.data == {"k�": ["�", None]}
        assert semgrep.report.reason == "died � here"

    async def test_a_metric_that_is_no_number_makes_its_cell_not_measured(self, store):
        await samples.register(store, samples.plan())
        nan = Metric(name="latency_p95", value=float("nan"), unit="ms")
        tool = samples.measured().model_copy(update={"metrics": (nan,)})
        report = samples.report(tool)

        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        (cell,) = (await store.load_pipeline("p1")).cells
        assert cell.state is MeasurementState.INFRA_FAILED
        assert cell.report.reason == "latency_p95 is not a number (nan)"
        assert cell.report.findings == ()

    async def test_twenty_thousand_findings_of_one_subtask(self, store):
        await samples.register(store, samples.plan())
        report = samples.report(samples.measured(findings=20_000))

        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        (cell,) = (await store.load_pipeline("p1")).cells
        assert cell.report.findings == report.tools[0].findings

    async def test_details_add_up_and_the_end_keeps_its_moment(self, store):
        await samples.register(store, samples.plan())

        await store.record_pipeline_state("p1", "running", {"host": "a"})
        assert (await store.load_pipeline("p1")).finished_at is None
        await store.record_pipeline_state("p1", "cancelled", {"restarts": 2})
        ended = await store.load_pipeline("p1")
        await store.record_pipeline_state("p1", "cancelled", {})

        assert ended.detail == {"host": "a", "restarts": 2}
        assert ended.finished_at is not None and ended.finished_at.tzinfo is not None
        assert await store.load_pipeline("p1") == ended

    async def test_pipelines_are_listed_with_their_apps_counted(self, store):
        await samples.register(store, samples.plan("p1", apps=2))
        await samples.register(store, samples.plan("p2", apps=1))
        await store.record_app(samples.app(), samples.app_outcome())

        listing = {line.pipeline_id: line for line in await store.list_pipelines()}

        assert (listing["p1"].apps, listing["p2"].apps) == (2, 1)
        assert listing["p1"].counts == {MeasurementState.MEASURED: 1}

    async def test_an_unknown_pipeline_is_not_found(self, store):
        with pytest.raises(PlatformError, match="'nope'") as missing:
            await store.load_pipeline("nope")
        assert missing.value.code is ErrorCode.NOT_FOUND

        with pytest.raises(PlatformError) as missing:
            await store.record_pipeline_state("nope", "running", {})
        assert missing.value.code is ErrorCode.NOT_FOUND

    async def test_recording_before_registering_names_the_next_step(self, store):
        report = samples.report()

        with pytest.raises(PlatformError, match="register the pipeline first") as early:
            await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        assert early.value.code is ErrorCode.FAILED_PRECONDITION

    async def test_without_migrations_the_error_says_so(self, empty_url):
        store = SqlResultStore.from_url(empty_url)

        with pytest.raises(PlatformError, match="worker") as old:
            await samples.register(store, samples.plan())
        await store.close()

        assert old.value.code in (ErrorCode.FAILED_PRECONDITION, ErrorCode.UNAVAILABLE)

    async def test_a_recording_that_fails_midway_leaves_the_old_one(self, store):
        await samples.register(store, samples.plan())
        good = samples.report()
        await store.record_subtask("p1", samples.app(), samples.outcome(good), good)
        before = await store.load_pipeline("p1")
        twice = samples.report(samples.measured("bandit"))
        rows_clash = samples.outcome(twice).model_copy(
            update={"subtask_id": "p1/other/app1/static"}
        )

        with pytest.raises(PlatformError):
            await store.record_subtask("p1", samples.app(), rows_clash, twice)

        assert await store.load_pipeline("p1") == before

    async def test_the_application_cannot_store_a_cell_twice(self, store, engine):
        await samples.register(store, samples.plan())
        report = samples.report(samples.measured())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        async with engine.begin() as connection:
            row = (await connection.execute(select(cells))).one()
        again = {name: value for name, value in row._mapping.items() if name != "id"}

        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(insert(cells), again)
