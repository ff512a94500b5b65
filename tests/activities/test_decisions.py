"""Decisions reach a pipeline from its fleet's file, by command, and through its baselines."""

from collections.abc import AsyncGenerator
from datetime import date
from pathlib import Path

import pytest

from activities.baseline_reading import BaselineReading
from activities.decisions import all_decisions, decisions_of
from activities.fleet_reading import FleetReading
from contract.errors import PlatformError
from contract.suppression import Suppression
from contract.weakness import BaselineState, Origin
from control.stored import Stored, require_comparable
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store
from tests.support.two_pipelines import AFTER, BEFORE, against, finding, looked, record


def decision(name: str, why: str = "reviewed", until: date | None = None) -> Suppression:
    return Suppression(fingerprint=name, who="Jane", why=why, until=until)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlResultStore]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    opened = SqlResultStore.from_url(url)
    yield opened
    await opened.close()


async def test_the_nearest_decision_about_the_same_counts(store: SqlResultStore) -> None:
    await record(store, "first", {})
    await record(store, "second", {}, against("first", decision("b", "the file of second")))
    await record(store, "third", {}, against("second", decision("c", "the file")))
    for name, made in (
        ("first", decision("a", "by command for first")),
        ("first", decision("c", "by command for first")),
        ("second", decision("a", "by command for second")),
        ("third", decision("d", "by command")),
    ):
        assert await store.suppress(name, made)

    told = {each.suppression.fingerprint: each for each in await all_decisions(store, "third")}

    assert {name: (each.suppression.why, each.pipeline_id) for name, each in told.items()} == {
        "a": ("by command for second", "second"),
        "c": ("the file", "third"),
        "d": ("by command", "third"),
    }
    assert [name for name, each in told.items() if each.decided_at is None] == ["c"]


async def test_pipelines_that_are_each_other_s_baseline_end(store: SqlResultStore) -> None:
    await record(store, "one", {}, against("two", decision("a")))
    await record(store, "two", {}, against("one"))

    assert await decisions_of(store, "one") == (decision("a"),)


async def test_a_baseline_that_is_gone_leaves_everything_unknown(store: SqlResultStore) -> None:
    await record(store, "after", AFTER, against("pruned"))

    baseline = await BaselineReading.open(store, "after")

    assert baseline is not None
    fleet = await FleetReading.open(store, "after")
    told = await baseline.told(list((await fleet.apps(fleet.refs())).values()))
    states = {each.baseline for app in told for each in app.weaknesses}
    reasons = {each.baseline_reason for app in told for each in app.weaknesses}
    assert (states, reasons) == ({BaselineState.UNKNOWN}, {"the store has no pipeline pruned"})
    assert baseline.result().problem == "the store has no pipeline pruned"


async def test_a_tool_that_was_blind_then_has_not_looked(store: SqlResultStore) -> None:
    await record(store, "before", BEFORE, blind="bandit")
    await record(store, "after", AFTER, against("before"))

    baseline = await BaselineReading.open(store, "after")

    assert baseline is not None
    fleet = await FleetReading.open(store, "after")
    told = await baseline.told(list((await fleet.apps(fleet.refs()[:1])).values()))
    states = {each.finding.fingerprint: each.baseline for app in told for each in app.weaknesses}
    assert set(states.values()) == {BaselineState.UNKNOWN}
    assert "bandit" in told[0].weaknesses[0].baseline_reason


async def test_a_pipeline_is_read_with_what_its_scaffold_brought(store: SqlResultStore) -> None:
    await record(store, "before", BEFORE, scaffold=(looked(finding("kept")),))

    fleet = await FleetReading.open(store, "before")

    (app,) = (await fleet.apps(fleet.refs()[:1])).values()
    origins = {each.finding.fingerprint: each.origin for each in app.weaknesses}
    assert origins == {"v2-kept": Origin.SCAFFOLD, "v2-mended": Origin.MODEL}


async def test_what_was_decided_for_a_baseline_stands_beside_what_is_gone(
    store: SqlResultStore,
) -> None:
    await record(store, "before", BEFORE, against("none", decision("v2-mended")))
    await record(store, "after", AFTER, against("before"))
    baseline = await BaselineReading.open(store, "after")
    fleet = await FleetReading.open(store, "after")

    assert baseline is not None
    (told,) = await baseline.told(list((await fleet.apps(fleet.refs()[:1])).values()))

    assert [(each.finding.fingerprint, each.suppression is not None) for each in told.gone] == [
        ("v2-mended", True)
    ]


async def test_without_a_baseline_there_is_none(store: SqlResultStore) -> None:
    await record(store, "before", BEFORE)

    assert await BaselineReading.open(store, "before") is None
    assert await BaselineReading.open(store, "never") is None


async def test_a_baseline_that_is_not_stored_is_refused_before_the_start(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}"
    stored = Stored(url, in_use=lambda: False)

    def plan(baseline: str):
        whole = samples.plan("now")
        spec = whole.spec.model_copy(update={"baseline": baseline})
        return whole.model_copy(update={"spec": spec})

    with pytest.raises(PlatformError, match="no pipeline before in the store"):
        await require_comparable(stored, plan("before"))
    with pytest.raises(PlatformError, match="is its own"):
        await require_comparable(stored, plan("now"))
    await new_store(url)
    with pytest.raises(PlatformError, match="no pipeline 'before'"):
        await require_comparable(stored, plan("before"))
    await require_comparable(stored, samples.plan("now"))
