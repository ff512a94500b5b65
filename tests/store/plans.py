"""Plans in pages: registered one after another, read back, and run again; for every database."""

import pytest
from sqlalchemy import update

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.control import Answer, AnswerSheet
from contract.errors import ErrorCode, PlatformError
from contract.outcome import AppOutcome
from contract.plan import PAGE_APPS, PlanHeader, PlanPage, pages_of
from contract.role import AppRole
from contract.spec import PipelinePlan
from store.results import SqlResultStore
from store.tables import pipelines
from tests.store import samples

MEASURED, INFRA_FAILED = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED


async def end(store: SqlResultStore, number: int, state: MeasurementState) -> None:
    """Let an app have ended."""
    app = samples.app(number)
    await store.record_app(app, AppOutcome(ref=app.ref, state=state, reason=f"{state}"))


async def labels(store: SqlResultStore, *wanted: str) -> list[int]:
    """Numbers of the apps that a retry would run."""
    return [choice.ref.app_number for choice in await store.apps_to_retry("p1", wanted)]


def with_control(plan: PipelinePlan) -> PipelinePlan:
    """The plan with its first app as a control app, which only one analyzer looks at."""
    sheet = AnswerSheet(app=Answer(description="clean"))
    update = {"role": AppRole.CONTROL, "analyzers": (AnalyzerKind.STATIC,), "sheet": sheet}
    first, *others = plan.apps
    return plan.model_copy(update={"apps": (first.model_copy(update=update), *others)})


class PlanBehaviour:
    """Needs the fixture `store`."""

    async def test_a_plan_of_many_pages_is_registered_in_order_and_repeats_change_nothing(
        self, store: SqlResultStore
    ) -> None:
        plan = samples.plan(apps=2 * PAGE_APPS + 3)
        header = PlanHeader.of(plan)
        first, second, third = pages_of(plan)

        for page in (first, second, second, first, third, third):
            await store.register_page(header, page)

        assert [app.planned for app in (await store.load_outline("p1")).apps] == list(plan.apps)
        wanted = [0, PAGE_APPS, 2 * PAGE_APPS + 2]
        entries = await store.read_apps("p1", wanted)
        assert [entry.position for entry in entries] == wanted
        assert [entry.app for entry in entries] == [plan.apps[n] for n in wanted]
        assert {(entry.state, entry.result) for entry in entries} == {(None, None)}
        assert await store.load_header("p1") == header

    async def test_a_page_of_another_plan_is_refused_and_leaves_nothing(
        self, store: SqlResultStore
    ) -> None:
        plan = samples.plan(apps=PAGE_APPS + 2)
        await store.register_page(PlanHeader.of(plan), pages_of(plan)[0])
        edited = plan.apps[0].source.model_copy(update={"digest": "other"})
        changed = plan.apps[0].model_copy(update={"source": edited})
        other = plan.model_copy(update={"apps": (*plan.apps[1:], changed)})

        with pytest.raises(PlatformError, match="its apps differ"):
            await store.register_page(PlanHeader.of(other), pages_of(other)[1])

        assert len((await store.load_outline("p1")).apps) == PAGE_APPS

    async def test_another_plan_of_many_pages_is_refused_at_its_first_page_and_leaves_nothing(
        self, store: SqlResultStore
    ) -> None:
        plan = samples.plan(apps=PAGE_APPS + 2)
        await samples.register(store, plan)
        other = samples.plan(apps=PAGE_APPS + 3)
        fewer = other.model_copy(update={"apps": other.apps[1:]})

        with pytest.raises(PlatformError, match="its apps differ") as refused:
            await store.register_page(PlanHeader.of(fewer), pages_of(fewer)[0])

        assert refused.value.code is ErrorCode.ALREADY_EXISTS
        assert len((await store.load_outline("p1")).apps) == PAGE_APPS + 2
        assert await store.load_header("p1") == PlanHeader.of(plan), "it can still be retried"

    async def test_an_app_is_added_once_and_a_repeated_attempt_is_no_second_one(
        self, store: SqlResultStore
    ) -> None:
        plan, larger = samples.plan(apps=2), samples.plan(apps=3)
        header = PlanHeader.of(plan)
        await samples.register(store, plan)
        added = PlanPage(first=2, apps=larger.apps[2:])

        await store.register_page(header, added)
        await store.register_page(header, added)
        with pytest.raises(PlatformError, match=r"duplicate app: openai/gpt-4\.1/app3"):
            await store.register_page(header, PlanPage(first=3, apps=larger.apps[2:]))
        with pytest.raises(PlatformError, match="duplicate app"):
            await store.register_page(header, PlanPage(first=3, apps=plan.apps[:1]))

        assert len((await store.load_outline("p1")).apps) == 3

    async def test_an_app_is_read_with_what_stands_of_it(self, store: SqlResultStore) -> None:
        await samples.register(store, samples.plan(apps=2))
        report = samples.report()
        await store.record_subtask("p1", samples.app(1), samples.outcome(report), report)
        await end(store, 1, MEASURED)

        first, second = await store.read_apps("p1", [0, 1])

        assert first.state is MEASURED
        assert first.result is not None
        states = {tool.tool: tool.state for tool in report.tools}
        missing = tuple(tool for tool, state in states.items() if state is INFRA_FAILED)
        assert AnalyzerKind.STATIC in first.result.analyzers
        assert first.result.missing.get(AnalyzerKind.STATIC, ()) == missing
        assert second.result is None

    async def test_what_lacks_a_measurement_runs_again_or_what_is_named(
        self, store: SqlResultStore
    ) -> None:
        await samples.register(store, samples.plan(apps=4))
        lost = samples.report(samples.measured(), samples.failed("semgrep"))
        await store.record_subtask("p1", samples.app(1), samples.outcome(lost), lost)
        await end(store, 1, MEASURED)  # one of its tools was failed by the platform
        await end(store, 2, INFRA_FAILED)
        await end(store, 3, MEASURED)

        assert await labels(store) == [1, 2, 4], "4 has not ended"
        assert await labels(store, samples.app(3).ref.label) == [3]
        with pytest.raises(PlatformError, match="no app 'm/app9' in this pipeline") as refused:
            await labels(store, "m/app9")
        assert refused.value.code is ErrorCode.INVALID_ARGUMENT

    async def test_a_control_that_was_measured_runs_again_only_for_what_it_lacks(
        self, store: SqlResultStore
    ) -> None:
        plan = with_control(samples.plan(apps=2))
        await samples.register(store, plan)
        control = plan.app_spec(plan.apps[0])
        await store.record_app(control, AppOutcome(ref=control.ref, state=INFRA_FAILED, reason="x"))
        assert await labels(store, control.ref.label) == [1], "nothing has looked at it"
        report = samples.report(samples.measured(), samples.failed("semgrep"))
        await store.record_subtask("p1", control, samples.outcome(report), report)

        for again in (store.apps_to_retry, store.reopening):
            with pytest.raises(PlatformError, match="was measured, and its looks say") as refused:
                await again("p1", [control.ref.label])
            assert refused.value.code is ErrorCode.FAILED_PRECONDITION
        assert await labels(store) == [1, 2]
        assert await labels(store, samples.app(2).ref.label) == [2]

    async def test_an_ended_pipeline_is_opened_again_from_the_store_alone(
        self, store: SqlResultStore
    ) -> None:
        plan = samples.plan(apps=3)
        await samples.register(store, plan)
        await end(store, 1, MEASURED)
        await end(store, 2, INFRA_FAILED)
        await store.record_pipeline_state("p1", "failed", {"apps_retried": 7})

        ended = await store.reopening("p1", [samples.app(1).ref.label])

        assert (ended.header, ended.registered) == (PlanHeader.of(plan), 3)
        assert ended.counts == {MEASURED: 1, INFRA_FAILED: 1}
        assert ended.detail["apps_retried"] == 7
        chosen = [(choice.position, choice.state) for choice in ended.choices]
        assert chosen == [(0, MEASURED), (2, None)], "what did not end runs again, too"
        with pytest.raises(PlatformError, match="NOT_FOUND"):
            await store.reopening("nowhere", [])

    async def test_added_apps_keep_their_role_their_analyzers_and_their_answer_sheet(
        self, store: SqlResultStore
    ) -> None:
        plan = with_control(samples.plan(apps=3))
        await samples.register(store, plan)
        control = plan.app_spec(plan.apps[0])
        await end(store, 2, MEASURED)
        await store.record_app(control, AppOutcome(ref=control.ref, state=INFRA_FAILED, reason="x"))
        await store.record_pipeline_state("p1", "completed", {})

        outline = await store.load_outline("p1")
        batch = await store.load_apps("p1", [control.ref])
        ended = await store.reopening("p1", [])

        assert [app.planned for app in outline.apps] == list(plan.apps)
        assert batch.apps[0].sheet == plan.apps[0].sheet
        assert ended.header == PlanHeader.of(plan)
        assert ended.counts == {MEASURED: 1, INFRA_FAILED: 1}
        assert ended.beside == {AppRole.CONTROL: {INFRA_FAILED: 1}}
        (listed,) = await store.list_pipelines()
        assert (listed.apps, listed.beside) == (2, {AppRole.CONTROL: 1})
        assert listed.counts == {MEASURED: 1}

    async def test_a_plan_that_an_older_version_did_not_keep_is_a_clear_refusal(
        self, store: SqlResultStore
    ) -> None:
        await samples.register(store, samples.plan(apps=1))
        async with store.writing() as connection:
            await connection.execute(update(pipelines).values(body={}))

        with pytest.raises(PlatformError, match="was not kept; submit it under another ID"):
            await store.reopening("p1", [])
