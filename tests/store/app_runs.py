"""One app in all pipelines, and what changes of its listing: run on SQLite and on PostgreSQL."""

from contract.analysis import Severity
from contract.weakness import BaselineState, Origin
from tests.store import samples
from tests.store.searches import ref, weakness


class AppRunsBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_an_app_of_a_name_is_found_in_each_pipeline_that_has_it(self, store):
        for name, apps in (("p1", 2), ("p2", 1), ("p3", 2)):
            await samples.register(store, samples.plan(name, apps=apps))
        mine = [weakness(0, severity=Severity.CRITICAL), weakness(1)]
        await store.replace_weaknesses("p3", ref(2), mine)

        newest, oldest = await store.runs_of_app(ref(2), 10)

        assert {newest.pipeline_id, oldest.pipeline_id} == {"p1", "p3"}
        assert newest.created_at >= oldest.created_at
        (listed,) = (run for run in (newest, oldest) if run.pipeline_id == "p3")
        (unlisted,) = (run for run in (newest, oldest) if run.pipeline_id == "p1")
        assert listed.weaknesses == 2
        assert listed.security == {
            level: int(level in (Severity.CRITICAL, Severity.HIGH)) for level in Severity
        }
        assert (unlisted.weaknesses, unlisted.security, unlisted.state) == (None, None, None)
        assert listed.source_digest == "d2"
        assert len(await store.runs_of_app(ref(1), 2)) == 2
        assert await store.runs_of_app(ref(9), 10) == ()

    async def test_a_listing_has_another_mark_when_anything_of_it_is_another(self, store):
        await samples.register(store, samples.plan(apps=2))
        marks = [await store.listing_mark("p1", ref(1))]
        for listed in (
            [],
            [weakness(0)],
            [weakness(0), weakness(1)],
            [weakness(0), weakness(1, baseline=BaselineState.NEW)],
            [weakness(0, baseline=BaselineState.NEW), weakness(1)],
            [weakness(0), weakness(1, baseline=BaselineState.NEW, origin=Origin.SCAFFOLD)],
            [weakness(0), weakness(1, message="one message")],
            [weakness(0), weakness(1, message="two message")],
        ):
            await store.replace_weaknesses("p1", ref(1), listed)
            marks.append(await store.listing_mark("p1", ref(1)))
            assert await store.listing_mark("p1", ref(1)) == marks[-1]

        assert marks[0] == ""
        assert len(set(marks)) == len(marks)
        assert await store.listing_mark("p1", ref(9)) == ""
