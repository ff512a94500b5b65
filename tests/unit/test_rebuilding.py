"""What `rebuild` says of pipelines whose histories are damaged, or partly forgotten."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.journal import AppRecorded, JournalEntry, PageRegistered, StateRecorded
from contract.plan import PlanHeader, pages_of
from control import pipelines, rebuilding
from control.documents import RebuiltStore
from control.errors import NoPipelineError, ServerAwayError
from control.pipelines import Pipeline, all_running, running_pipelines
from control.rebuilding import rebuild
from control.stored import Stored
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLIENT: Any = object()
Journals = dict[str, list[JournalEntry] | PlatformError]
Rebuild = Callable[[Journals], Any]


def served(pipeline_id: str, status: str = "completed") -> pipelines.Served:
    return pipelines.Served(pipeline_id, status, "", NOW, None)


def journal(pipeline_id: str, apps: int = 2, ended: int = 2) -> list[JournalEntry]:
    """Of a completed pipeline whose first apps have an end."""
    plan = samples.plan(pipeline_id, apps)
    header = PlanHeader.of(plan)
    state = MeasurementState.APP_FAILED
    specs = [samples.app(number, pipeline_id) for number in range(1, ended + 1)]
    return [
        *(PageRegistered(at=NOW, header=header, page=page) for page in pages_of(plan)),
        *(
            AppRecorded(
                at=NOW,
                app=spec,
                outcome=samples.app_outcome(state).model_copy(update={"ref": spec.ref}),
            )
            for spec in specs
        ),
        StateRecorded(at=NOW, pipeline_id=pipeline_id, state="completed"),
    ]


@pytest.fixture
async def store(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    yield store
    await store.close()


@pytest.fixture
def rebuild_from(tmp_path: Path, store: SqlResultStore, monkeypatch: pytest.MonkeyPatch) -> Rebuild:
    """Rebuilds the store from the journals that a server would have."""
    stored = Stored(f"sqlite:///{tmp_path / 'assay.db'}", in_use=lambda: False)

    async def rebuilt(journals: Journals) -> RebuiltStore:
        async def journal_of(_client: Any, pipeline_id: str) -> list[JournalEntry]:
            found = journals[pipeline_id]
            if isinstance(found, PlatformError):
                raise found
            return found

        async def listed(_client: Any) -> list[pipelines.Served]:
            return [served(pipeline_id) for pipeline_id in journals]

        for module in (pipelines, rebuilding):
            monkeypatch.setattr(module, "list_pipelines", listed)
        monkeypatch.setattr(rebuilding, "journal_of", journal_of)
        return await rebuild(CLIENT, stored, tmp_path, lambda _line: None)

    return rebuilt


async def ids(store: SqlResultStore) -> set[str]:
    return {listing.pipeline_id for listing in await store.list_pipelines()}


@pytest.mark.parametrize("code", [ErrorCode.DATA_LOSS, ErrorCode.UNAUTHENTICATED])
async def test_a_history_that_cannot_be_read_keeps_no_other_pipeline_back(
    code: ErrorCode, store: SqlResultStore, rebuild_from: Rebuild
) -> None:
    await samples.register(store, samples.plan("stored", 1))
    fault = PlatformError(code, "its history cannot be read")

    told = await rebuild_from({"bad": fault, "good": journal("good"), "stored": fault})

    assert [row.pipeline_id for row in told.rebuilt] == ["good"]
    assert {row.pipeline_id: (row.stored, row.why) for row in told.kept} == {
        "bad": (False, "its history cannot be read"),
        "stored": (True, "its history cannot be read"),
    }
    assert await ids(store) == {"good", "stored"}


async def test_a_history_that_contradicts_itself_leaves_no_rows(
    store: SqlResultStore, rebuild_from: Rebuild
) -> None:
    odd = [*journal("odd", apps=3), *journal("odd", apps=1)]

    told = await rebuild_from({"odd": odd, "good": journal("good")})

    assert [(row.pipeline_id, row.stored) for row in told.kept] == [("odd", False)]
    assert "ID" in told.kept[0].why
    assert await ids(store) == {"good"}


async def test_a_server_that_is_away_ends_it_before_anything_is_replaced(
    store: SqlResultStore, rebuild_from: Rebuild
) -> None:
    away = PlatformError(ErrorCode.UNAVAILABLE, "away")

    with pytest.raises(PlatformError, match="away"):
        await rebuild_from({"good": journal("good"), "later": away})
    assert await ids(store) == set()


async def test_apps_whose_histories_are_gone_are_named(rebuild_from: Rebuild) -> None:
    told = await rebuild_from(
        {"whole": journal("whole"), "part": journal("part", 3, 1), "bare": journal("bare", 1, 0)}
    )

    label = "openai/gpt-4.1/app"
    assert {row.pipeline_id: row.lost_apps for row in told.rebuilt} == {
        "whole": (),
        "part": (f"{label}2", f"{label}3"),
        "bare": (f"{label}1",),
    }


async def test_an_id_that_is_used_again_after_it_was_pruned_is_made_again(
    store: SqlResultStore, rebuild_from: Rebuild
) -> None:
    for pipeline_id in ("again", "gone"):
        await samples.register(store, samples.plan(pipeline_id, 2))
        await store.record_pipeline_state(pipeline_id, "completed", {})
    await store.prune(["again", "gone"])
    await samples.register(store, samples.plan("again", 2))
    assert await store.pruned() == {"gone"}

    told = await rebuild_from({"again": journal("again"), "gone": journal("gone")})

    assert [row.pipeline_id for row in told.rebuilt] == ["again"]
    assert told.kept == ()


async def test_rows_that_know_of_more_apps_or_of_an_end_stay(
    store: SqlResultStore, rebuild_from: Rebuild
) -> None:
    await samples.register(store, samples.plan("apps", 3))
    await samples.register(store, samples.plan("end", 2))
    await store.record_pipeline_state("end", "completed", {})

    told = await rebuild_from({"apps": journal("apps", 2), "end": journal("end")[:-1]})

    assert {row.pipeline_id for row in told.kept} == {"apps", "end"}
    assert told.rebuilt == ()


@pytest.mark.parametrize(
    ("answer", "strict"),
    [
        (True, ["p1", "p2"]),
        (False, []),
        (NoPipelineError("p1"), []),
        (ServerAwayError("no answer", next_step="wait"), None),
    ],
)
async def test_a_server_that_cannot_say_is_no_proof_that_nothing_runs(
    answer: bool | PlatformError, strict: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_running(_pipeline: Pipeline) -> bool:
        if isinstance(answer, PlatformError):
            raise answer
        return answer

    async def listed(_client: Any) -> list[pipelines.Served]:
        return [served("p1", "running"), served("p2", "running"), served("p3")]

    monkeypatch.setattr(pipelines, "list_pipelines", listed)
    monkeypatch.setattr(Pipeline, "is_running", is_running)
    monkeypatch.setattr(Pipeline, "__init__", lambda *_: None)

    assert await running_pipelines(CLIENT) == (strict or [])
    if strict is None:
        with pytest.raises(ServerAwayError):
            await all_running(CLIENT)
    else:
        assert await all_running(CLIENT) == strict
