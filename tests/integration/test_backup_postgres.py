"""A backup of a store on a real PostgreSQL, brought back by PostgreSQL's own programs."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from contract.backup import STORE_DUMP
from contract.errors import PlatformError
from control.backing import back_up
from control.errors import WrongInputError
from control.installed import Installation
from control.restoring import restore
from control.schema_moving import move_back, move_forward
from store import copying
from store.migrate import known_schemas, schema_of
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store

pytestmark = pytest.mark.postgres


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> Installation:
    """An installation with one pipeline, whose Temporal server is elsewhere."""
    await new_store(postgres_url)
    await record(postgres_url, "p1")
    data = tmp_path / "data"
    data.mkdir()
    return Installation(
        data_dir=data,
        store_url=postgres_url,
        host="h",
        scope="s",
        assay="assay 1",
        encrypted=False,
        temporal="",
        ports={},
        token_file=data / "token",
        logins=data / "logins",
    )


async def record(url: str, pipeline_id: str) -> None:
    store = SqlResultStore.from_url(url)
    try:
        await samples.register(store, samples.plan(pipeline_id))
        await store.record_pipeline_state(pipeline_id, "completed", {})
    finally:
        await store.close()


async def pipelines(url: str) -> list[str]:
    store = SqlResultStore.from_url(url)
    try:
        return sorted(each.pipeline_id for each in await store.list_pipelines())
    finally:
        await store.close()


def silent(_text: str) -> None:
    """Nobody listens."""


async def test_it_comes_back_and_what_was_there_is_kept_in_a_schema(
    here: Installation, tmp_path: Path
):
    backup = tmp_path / "backup"
    done = await back_up(here, backup, secrets=False, say=silent)
    assert (done.holds, done.schema_revision) == (("store",), known_schemas()[-1])
    assert "elsewhere" in done.not_held[0]
    await record(here.store_url, "p2")

    with pytest.raises(WrongInputError, match="it holds results"):
        await restore(here, backup, force=False, say=silent)
    restored = await restore(here, backup, force=True, say=silent)

    assert await pipelines(here.store_url) == ["p1"]
    assert "schema before_restore_" in restored.aside
    await back_up(here, backup, secrets=False, say=silent)  # without what was put aside
    await restore(here, backup, force=True, say=silent)
    assert await pipelines(here.store_url) == ["p1"]
    connection = await asyncpg.connect(here.store_url)
    (aside,) = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before_restore_%' ORDER BY 1 LIMIT 1"
    )
    kept = await connection.fetchval(f'SELECT count(*) FROM "{aside["nspname"]}".pipelines')
    await connection.close()
    assert kept == 2


async def test_a_dump_that_cannot_be_loaded_changes_nothing(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await back_up(here, tmp_path / "backup", secrets=False, say=silent)
    load = copying.load_postgres

    def broken(url: str, dump: Path, check: copying.Check) -> None:
        dump.write_bytes(dump.read_bytes()[:-400])
        load(url, dump, check)

    monkeypatch.setattr("control.restoring.load_postgres", broken)
    await record(here.store_url, "p2")
    with pytest.raises(PlatformError, match="pg_restore of postgresql"):
        await restore(here, tmp_path / "backup", force=True, say=silent)

    assert await pipelines(here.store_url) == ["p1", "p2"]


async def test_a_store_that_is_in_use_is_not_replaced(here: Installation, tmp_path: Path):
    await back_up(here, tmp_path / "backup", secrets=False, say=silent)
    user = await asyncpg.connect(here.store_url)
    try:
        with pytest.raises(PlatformError, match="in use by another program"):
            await restore(here, tmp_path / "backup", force=True, say=silent)
    finally:
        await user.close()


async def test_the_schema_is_moved_with_a_copy_kept(here: Installation):
    known = known_schemas()
    back = await move_back(here, known[-2], backup=True)
    forward = await move_forward(here, backup=True)

    assert (back.before, back.schema_revision) == (known[-1], known[-2])
    assert (forward.before, forward.schema_revision) == (known[-2], known[-1])
    assert Path(back.backup).suffix == Path(STORE_DUMP).suffix
    assert Path(back.backup).read_bytes().startswith(b"PGDMP")
    assert await schema_of(here.store_url) == known[-1]


async def test_a_missing_program_and_a_wrong_password_are_named(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gone = replace(here, store_url="postgresql://u:hunter2@127.0.0.1:1/assay")
    with pytest.raises(PlatformError, match="pg_dump of postgresql") as away:
        await back_up(gone, tmp_path / "away", secrets=False, say=silent)
    assert "hunter2" not in away.value.message
    monkeypatch.setattr(copying, "_SERVERS", tmp_path / "none")
    monkeypatch.setattr(copying.shutil, "which", lambda *_, **__: None)
    with pytest.raises(PlatformError, match="pg_dump is not installed") as missing:
        await back_up(here, tmp_path / "backup", secrets=False, say=silent)
    assert "postgresql-client" in missing.value.next_step
