"""A search goes on while its next look would end in time, and reads no more than is wanted."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

import control.findings
from contract.findings import FindingsPage, FindingsQuery
from contract.role import AppRole
from control.findings import Search
from store.results import SqlResultStore
from tests.support.two_pipelines import two_pipelines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(two_pipelines(folder))
    return folder


@pytest.fixture
async def store(folder: Path):
    store = SqlResultStore.from_url(f"sqlite:///{folder / 'assay.db'}")
    yield store
    await store.close()


class Clock:
    """Each page of the store takes so many seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: SqlResultStore, *takes: float):
        self.now_s, self.sizes = 0.0, list[int]()
        takes_s = iter(takes)
        page = store.findings_page

        async def slow(query: FindingsQuery) -> FindingsPage:
            self.now_s += next(takes_s)
            self.sizes.append(query.limit)
            return await page(query)

        monkeypatch.setattr(store, "findings_page", slow)
        clock = SimpleNamespace(monotonic=lambda: self.now_s)
        monkeypatch.setattr(control.findings, "time", clock)


async def searched(store: SqlResultStore, text: str = "") -> Search:
    """Windows of one weakness each: every page looks at no more."""
    query = FindingsQuery(pipeline_id="after", text=text, most_rows=1, roles=(AppRole.SUBJECT,))
    return await Search.open(store, query, ())


async def test_no_look_begins_that_would_not_end_in_time(
    store: SqlResultStore, monkeypatch: pytest.MonkeyPatch
):
    search = await searched(store, "no such words")
    clock = Clock(monkeypatch, store, 0.06, 0.06, 0.06, 0.06, 0.06)

    assert await search.take(100, 0.1) == []
    assert len(clock.sizes) == 1, "a second one would end after 0.12 s"
    assert search.after, "the search goes on there"


async def test_the_first_look_is_taken_however_little_time_there_is(
    store: SqlResultStore, monkeypatch: pytest.MonkeyPatch
):
    search = await searched(store, "no such words")
    clock = Clock(monkeypatch, store, 9.0, 9.0)

    assert await search.take(100, 0.0) == []
    assert len(clock.sizes) == 1


async def test_looks_that_end_in_time_go_on_and_grow_to_the_end(
    store: SqlResultStore, monkeypatch: pytest.MonkeyPatch
):
    search = await searched(store, "SQL of")
    clock = Clock(monkeypatch, store, *[0.001] * 20)

    found = [item.weakness.finding.fingerprint for item in await search.take(100, 0.1)]

    assert found == ["v2-fresh", "v2-kept", "v2-other"]
    assert search.after is None
    assert clock.sizes[:3] == [100, 400, 1_000]


async def test_a_page_of_a_text_reads_as_many_as_are_wanted(
    store: SqlResultStore, monkeypatch: pytest.MonkeyPatch
):
    query = FindingsQuery(pipeline_id="after", text="SQL of")
    search = await Search.open(store, query, ())
    clock = Clock(monkeypatch, store, *[0.0] * 20)

    first = await search.take(2)
    rest = await search.take(2)

    assert [len(first), len(rest), clock.sizes] == [2, 1, [2, 2]]
