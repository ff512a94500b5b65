"""A plan comes in pages, and apps are read back by their positions."""

import pytest

from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.plan import PlanHeader, PlanPage
from tests.store import samples

M = MeasurementState
PLAN = samples.plan(apps=5)
HEADER = PlanHeader.of(PLAN)
FIRST, SECOND = PlanPage(first=0, apps=PLAN.apps[:3]), PlanPage(first=3, apps=PLAN.apps[3:])


class PagingBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_pages_make_one_fleet_and_a_repeated_one_changes_nothing(self, store):
        for page in (FIRST, FIRST, SECOND, FIRST, SECOND):
            await store.register_page(HEADER, page)

        entries = await store.read_apps("p1", range(9))
        assert [entry.app.ref for entry in entries] == [app.ref for app in PLAN.apps]
        assert [entry.app.source for entry in entries] == [app.source for app in PLAN.apps]
        assert [entry.position for entry in entries] == [0, 1, 2, 3, 4]
        assert [(entry.state, entry.result) for entry in entries] == [(None, None)] * 5
        assert [e.position for e in await store.read_apps("p1", [4, 1])] == [1, 4]

    async def test_the_header_is_read_back_as_it_was_registered(self, store):
        await store.register_page(HEADER, FIRST)

        assert await store.load_header("p1") == HEADER
        with pytest.raises(PlatformError) as unknown:
            await store.load_header("p2")
        assert unknown.value.code is ErrorCode.NOT_FOUND

    async def test_an_entry_tells_what_stands_of_an_app_and_what_lacks(self, store):
        await samples.register(store, PLAN)
        report = samples.report()
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        await store.record_app(samples.app(), samples.app_outcome(M.INFRA_FAILED))

        (entry,) = await store.read_apps("p1", [0])

        assert entry.state is M.INFRA_FAILED
        assert entry.result.analyzers == {report.analyzer: M.MEASURED}
        assert entry.result.missing == {report.analyzer: ("semgrep",)}

    async def test_apps_to_retry_are_those_that_lack_something_or_are_named(self, store):
        await samples.register(store, PLAN)
        for number, state in ((1, M.MEASURED), (2, M.APP_FAILED), (3, M.INFRA_FAILED)):
            app = samples.app(number)
            await store.record_app(app, samples.app_outcome(state))
        report = samples.report()  # app 1 lacks one tool's work
        await store.record_subtask("p1", samples.app(1), samples.outcome(report), report)

        lacking = await store.apps_to_retry("p1", [])
        assert [choice.ref.app_number for choice in lacking] == [1, 3, 4, 5]
        named = await store.apps_to_retry("p1", [PLAN.apps[1].ref.label])
        assert [(choice.position, choice.state) for choice in named] == [(1, M.APP_FAILED)]
        with pytest.raises(PlatformError, match="no app 'x/app1'"):
            await store.apps_to_retry("p1", ["x/app1"])

    async def test_a_reopened_pipeline_runs_the_apps_that_did_not_end_beside_the_named(self, store):
        await samples.register(store, PLAN)
        for number in (1, 2, 3):
            await store.record_app(samples.app(number), samples.app_outcome(M.MEASURED))
        await store.record_pipeline_state("p1", "cancelled", {"restarts": 2})

        again = await store.reopening("p1", [PLAN.apps[0].ref.label])

        assert [choice.position for choice in again.choices] == [0, 3, 4]
        assert (again.registered, again.counts) == (5, {M.MEASURED: 3})
        assert (again.header, again.detail) == (HEADER, {"restarts": 2})

    async def test_a_page_of_another_plan_is_refused_and_leaves_nothing(self, store):
        await samples.register(store, PLAN)
        other = samples.plan(apps=6)
        moved = other.apps[0].model_copy(
            update={"source": other.apps[0].source.model_copy(update={"digest": "other"})}
        )

        with pytest.raises(PlatformError) as caught:
            await store.register_page(
                PlanHeader.of(other), PlanPage(first=0, apps=(moved, other.apps[5]))
            )

        assert caught.value.code is ErrorCode.ALREADY_EXISTS
        assert len(await store.read_apps("p1", range(9))) == 5

    async def test_an_app_that_is_added_later_comes_last_and_once(self, store):
        await samples.register(store, PLAN)
        added = samples.plan(apps=6).apps[5]
        page = PlanPage(first=5, apps=(added,))

        await store.register_page(HEADER, page)
        await store.register_page(HEADER, page)

        assert [e.app.ref for e in await store.read_apps("p1", [5, 6])] == [added.ref]
        with pytest.raises(PlatformError, match="duplicate app"):
            await store.register_page(HEADER, PlanPage(first=6, apps=(added,)))
