"""A file of findings is written as it is taken, and its store is closed when nobody takes more."""

import asyncio
from collections.abc import AsyncGenerator
from io import BytesIO
from typing import cast
from zipfile import ZipFile

import pytest

from contract.errors import ErrorCode, PlatformError
from control import findings_export
from control.errors import NotStoredError
from control.findings import Findings, Search
from control.findings_asked import asked
from control.findings_export import exported
from control.findings_unseen import unseen
from control.stored import Stored
from tests.support.store_folder import stored_in
from tests.support.two_pipelines import two_pipelines


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(two_pipelines(folder))
    return stored_in(folder)


async def text(stored: Stored, form: findings_export.ExportForm) -> bytes:
    pieces = await exported(stored, "after", asked({}), form)
    return b"".join([piece async for piece in pieces])


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one weakness."""
    whole = Search.pages
    monkeypatch.setattr(Search, "pages", lambda search: whole(search, 1))


@pytest.mark.usefixtures("one_by_one")
async def test_pages_join_to_one_document(stored: Stored):
    found = Findings.model_validate_json(await text(stored, "json"))

    names = [item.weakness.finding.fingerprint for item in found.findings]
    assert names == ["v2-fresh", "v2-kept", "v2-other"]
    assert found.total == 3
    with ZipFile(BytesIO(await text(stored, "csv"))) as folder:
        assert folder.testzip() is None
        assert folder.read("findings.csv").count(b"\n") == 4
        assert folder.read("not_known.csv").decode().splitlines() == ["not_known", *unseen(found)]
        assert "static/bandit" in folder.read("not_known.csv").decode()


@pytest.mark.asyncio(loop_scope="function")  # with no tasks of other tests in it
@pytest.mark.usefixtures("one_by_one")
async def test_who_goes_away_leaves_nothing_open(stored: Stored):
    pieces = cast(AsyncGenerator[bytes], await exported(stored, "after", asked({}), "csv"))
    await anext(pieces)
    await pieces.aclose()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_wrong_question_is_refused_before_the_first_piece(stored: Stored):
    with pytest.raises(NotStoredError):
        await exported(stored, "gone", asked({}), "csv")


@pytest.mark.usefixtures("one_by_one")
async def test_a_store_that_fails_on_the_way_cuts_the_file(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
):
    taken: list[int] = []
    take = Search.take

    async def failing(search: Search, limit: int):
        taken.append(limit)
        if len(taken) > 1:
            raise PlatformError(ErrorCode.UNAVAILABLE, "the store is gone")
        return await take(search, limit)

    monkeypatch.setattr(Search, "take", failing)
    with pytest.raises(PlatformError, match="the store is gone"):
        await text(stored, "csv")
