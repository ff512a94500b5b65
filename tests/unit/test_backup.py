"""Backups: what an installation knows, as a folder or a file, and back; nothing is half or lost."""

import asyncio
import errno
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clients import backup_writer
from clients.source import digest_tree
from contract import backup
from contract.backup import (
    BACKUP_MANIFEST,
    DATABASES,
    FOLDERS,
    NOT_HELD,
    RESTORING,
    SECRETS,
    SWAPPING,
    TEMPORAL_FILE,
    BackupManifest,
)
from contract.errors import ErrorCode, NewerSchemaError, PlatformError
from control.backing import back_up
from control.backup_documents import BackedUp, Restored
from control.errors import WrongInputError
from control.installed import Installation as Place
from control.restoring import restore
from settings import PROJECT_ROOT as ROOT
from store.migrate import known_schemas
from tests.support.installation import Installation, analysed, write_fleet

# Where the code names a place in the data folder: by a text, or by a constant of `contract.backup`.
_PLACE = re.compile(r"""data_dir\)? / (?:f?"([^"{]+)|([A-Z]+(?:_FILE)?)\b)""")


def silent(_text: str) -> None:
    """Nobody listens."""


def place_of(data_dir: Path) -> Place:
    return Place(
        data_dir=data_dir,
        store_url=f"sqlite:///{data_dir}/assay.db",
        host="h",
        scope="s",
        assay="assay 1",
        encrypted=False,
        temporal="1.9.1",
        ports={"temporal_port": 7233},
        token_file=data_dir / "run" / "token",
        logins=data_dir / "logins",
    )


@pytest.fixture(scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one pipeline, an embedded server's database, a report and secrets."""
    folder = tmp_path_factory.mktemp("kept")
    write_fleet(folder / "fleet")
    installation = Installation(folder / "data")
    installation.data_dir.mkdir()
    await analysed(installation, folder / "fleet")
    data = installation.data_dir
    for name, text in {
        "reports/p1/report.html": "<p>",
        "reports/p1/apps/a é.json": "{}",
        "reports/.p2-half/report.html": "<",
        "specs/fleet.yaml": "apps: {}",
        "run/token": "secret",
        "logins/shop": "password",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    with closing(sqlite3.connect(data / TEMPORAL_FILE)) as server:
        server.execute("CREATE TABLE current_executions (workflow_id TEXT, state INTEGER)")
        server.execute("INSERT INTO current_executions VALUES ('pipeline/p1', 3)")
        server.commit()
    return data


@pytest.fixture
def here(kept: Path, tmp_path: Path) -> Place:
    """A copy of that installation for the test alone."""
    shutil.copytree(kept, tmp_path / "data")
    return place_of(tmp_path / "data")


async def save(here: Place, target: Path, *, secrets: bool = False) -> BackedUp:
    return await back_up(here, target, secrets=secrets, say=silent)


async def bring_back(here: Place, source: Path, *, force: bool = False) -> Restored:
    return await restore(here, source, force=force, say=silent)


def files_of(data: Path) -> dict[str, bytes]:
    """What a backup has of a data folder, databases left out."""
    return {
        path.relative_to(data).as_posix(): path.read_bytes()
        for part in ("artifacts", "reports", "specs")
        for path in (data / part).rglob("*")
        if path.is_file() and "/." not in path.as_posix()
    }


def rows_of(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def damage(folder: Path) -> None:
    one = next(path for path in (folder / "objects").glob("??/*") if path.stat().st_size > 10)
    one.write_bytes(one.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("name", ["backup", "backup.zip"])
async def test_what_was_backed_up_comes_back_and_no_secret_with_it(
    here: Place, tmp_path: Path, name: str
):
    done = await save(here, tmp_path / name)
    new = place_of(tmp_path / "new")
    restored = await bring_back(new, tmp_path / name)

    assert done.holds == ("store", "temporal", "artifacts", "reports", "specs")
    assert (done.not_held, done.schema_revision) == ((), known_schemas()[-1])
    assert files_of(new.data_dir) == files_of(here.data_dir) != {}
    for database in ("assay.db", TEMPORAL_FILE):
        assert rows_of(new.data_dir / database) == rows_of(here.data_dir / database)
    assert not (new.data_dir / "run").exists() and not (new.data_dir / "logins").exists()
    assert not (new.data_dir / RESTORING).exists()
    assert "set them anew" in " ".join(restored.notes)
    assert (restored.unfinished, restored.again, restored.aside) == ((), (), "")


async def test_secrets_come_along_by_wish_and_only_their_owner_reads_them(
    here: Place, tmp_path: Path
):
    await save(here, tmp_path / "backup", secrets=True)
    new = place_of(tmp_path / "new")
    await bring_back(new, tmp_path / "backup")

    assert new.token_file.read_text() == "secret"
    assert (new.logins / "shop").read_text() == "password"
    assert new.token_file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


async def test_a_backup_in_a_file_is_read_by_its_owner_alone(here: Place, tmp_path: Path):
    before = os.umask(0o022)
    try:
        await save(here, tmp_path / "backup.zip")
    finally:
        os.umask(before)

    assert (tmp_path / "backup.zip").stat().st_mode & 0o777 == 0o600


async def test_sources_of_an_archive_come_back_as_they_were_measured(here: Place, tmp_path: Path):
    app = here.data_dir / "imported" / "again" / "m" / "app1"
    (app / ".github").mkdir(parents=True)
    (app / ".github" / "ci.yml").write_text("on: push")
    (app / "entry.sh").write_text("#!/bin/sh")
    (app / "entry.sh").chmod(0o755)
    (app / "start").symlink_to("entry.sh")
    measured = digest_tree(app).digest

    for name in ("backup", "backup.zip"):
        await save(here, tmp_path / name)
        new = place_of(tmp_path / f"from {name}")
        await bring_back(new, tmp_path / name)

        back = new.data_dir / "imported" / "again" / "m" / "app1"
        assert digest_tree(back).digest == measured
        assert os.access(back / "entry.sh", os.X_OK)
        assert [path.name for path in (new.data_dir / "imported").iterdir()] == ["again"]


async def test_a_backup_with_a_source_that_leaves_its_folder_is_refused(
    here: Place, tmp_path: Path
):
    (here.data_dir / "imported" / "again").mkdir(parents=True)
    (here.data_dir / "imported" / "again" / "out").symlink_to(tmp_path)
    await save(here, tmp_path / "backup")

    with pytest.raises(PlatformError, match="cannot be unpacked") as caught:
        await bring_back(place_of(tmp_path / "new"), tmp_path / "backup")
    assert caught.value.code is ErrorCode.DATA_LOSS


def test_of_every_place_in_the_data_folder_it_is_decided_whether_a_backup_holds_it():
    """By the code that names them: a new one is held, or has its reason in `NOT_HELD`."""
    known = {*DATABASES, *FOLDERS, *NOT_HELD} - {SECRETS}
    said = (ROOT / "docs" / "backup.md").read_text()
    rooms = ("cli", "clients", "control", "dashboard", "reports", "store")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    named: dict[str, str] = {}
    for file in (ROOT / "settings.py", ROOT / "worker.py", *files):
        for text, constant in _PLACE.findall(file.read_text()):
            name = text or getattr(backup, constant)
            named[name.partition("/")[0]] = file.name

    assert {"artifacts", "logins", "imported", "before-restore-", "run"} <= set(named)
    for name, file in named.items():
        assert name in known or f"{name}*" in known, f"{file}: {name}"
    for name in NOT_HELD:
        assert f"`{name.rstrip('*')}" in said, (
            f"docs/backup.md does not say that {name} is not held"
        )


async def test_the_next_backup_reads_only_what_is_new_and_drops_what_is_gone(
    here: Place, tmp_path: Path
):
    first = await save(here, tmp_path / "backup")
    (here.data_dir / "specs" / "second.yaml").write_text("apps: {root: /}")
    (here.data_dir / "specs" / "fleet.yaml").unlink()
    second = await save(here, tmp_path / "backup")

    databases = sum((here.data_dir / name).stat().st_size for name in ("assay.db", TEMPORAL_FILE))
    assert first.written_bytes == first.size_bytes
    assert second.written_bytes <= databases + 20
    manifest = BackupManifest.model_validate_json(
        (tmp_path / "backup" / BACKUP_MANIFEST).read_bytes()
    )
    objects = {path.name for path in (tmp_path / "backup" / "objects").glob("??/*")}
    assert objects == {file.sha256 for file in manifest.files}
    names = {file.name for file in manifest.files}
    assert "specs/second.yaml" in names and "specs/fleet.yaml" not in names


async def test_a_full_disk_leaves_the_backup_that_was_there(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("backup", "backup.zip"):
        await save(here, tmp_path / name)
    (here.data_dir / "specs" / "second.yaml").write_text("apps: {root: /}")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("clients.backup_writer.write_atomically", full)
        patched.setattr("clients.archive_writer.publish", full)
        for name in ("backup", "backup.zip"):
            with pytest.raises(PlatformError, match="disk full") as caught:
                await save(here, tmp_path / name)
            assert caught.value.code is ErrorCode.RESOURCE_EXHAUSTED

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"data", "backup", "backup.zip"}
    for number, name in enumerate(("backup", "backup.zip")):
        new = place_of(tmp_path / f"new{number}")
        await bring_back(new, tmp_path / name)
        assert not (new.data_dir / "specs" / "second.yaml").exists()
    again = await save(here, tmp_path / "backup")
    assert again.files > 0


async def test_an_interrupted_backup_leaves_no_file_and_the_next_one_goes_on(
    here: Place, tmp_path: Path
):
    def interrupted(text: str) -> None:
        if text == "reports":
            doing.cancel()

    for name in ("backup.zip", "backup"):
        doing = asyncio.ensure_future(
            back_up(here, tmp_path / name, secrets=False, say=interrupted)
        )
        with pytest.raises(asyncio.CancelledError):
            await doing
    assert {path.name for path in tmp_path.iterdir()} == {"data", "backup"}
    with pytest.raises(PlatformError, match="holds no whole backup"):
        await bring_back(place_of(tmp_path / "new"), tmp_path / "backup")

    await save(here, tmp_path / "backup")
    assert not list((tmp_path / "backup").glob(".assay-copy*"))


async def test_a_damaged_backup_changes_nothing(here: Place, tmp_path: Path):
    await save(here, tmp_path / "backup")
    damage(tmp_path / "backup")
    before = files_of(here.data_dir)

    with pytest.raises(PlatformError, match="is damaged") as caught:
        await bring_back(here, tmp_path / "backup", force=True)

    assert caught.value.code is ErrorCode.DATA_LOSS
    assert files_of(here.data_dir) == before
    assert not (here.data_dir / RESTORING).exists() and not (here.data_dir / SWAPPING).exists()
    with pytest.raises(PlatformError, match="is damaged"):
        await bring_back(place_of(tmp_path / "new"), tmp_path / "backup")
    assert not (tmp_path / "new").exists(), "no empty folder is left"


async def test_what_is_there_is_refused_and_by_force_put_aside_whole(here: Place, tmp_path: Path):
    await save(here, tmp_path / "backup")
    (here.data_dir / "specs" / "later.yaml").write_text("later")
    before, rows = files_of(here.data_dir), rows_of(here.data_dir / "assay.db")

    with pytest.raises(WrongInputError, match="it holds results"):
        await bring_back(here, tmp_path / "backup")
    done = await bring_back(here, tmp_path / "backup", force=True)

    aside = Path(done.aside)
    assert files_of(aside) == before
    assert rows_of(aside / "assay.db") == rows
    assert not (here.data_dir / "specs" / "later.yaml").exists()
    assert here.token_file.read_text() == "secret", "secrets are no part of it, and stay"
    assert rows_of(here.data_dir / "assay.db") == rows


async def test_a_store_that_is_in_use_is_not_replaced_and_a_damaged_one_is(
    here: Place, tmp_path: Path
):
    await save(here, tmp_path / "backup")
    file = here.data_dir / "assay.db"
    with closing(sqlite3.connect(file)) as user:
        user.execute("SELECT * FROM pipelines").fetchall()
        with pytest.raises(PlatformError, match="in use by another program"):
            await bring_back(here, tmp_path / "backup", force=True)
    file.write_bytes(b"no database at all" * 99)
    done = await bring_back(here, tmp_path / "backup", force=True)

    assert (Path(done.aside) / "assay.db").read_bytes() == b"no database at all" * 99
    assert any("pipelines" in row for row in rows_of(file))


async def test_an_old_store_is_brought_forward_and_a_newer_one_refused(here: Place, tmp_path: Path):
    from store.migrate import downgrade

    old, newest = known_schemas()[-3], known_schemas()[-1]
    await downgrade(here.store_url, old)
    await save(here, tmp_path / "old")
    with closing(sqlite3.connect(here.data_dir / "assay.db")) as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
        store.commit()
    await save(here, tmp_path / "newer")

    done = await bring_back(place_of(tmp_path / "new"), tmp_path / "old")
    assert (done.schema_before, done.schema_after) == (old, newest)
    with pytest.raises(NewerSchemaError, match="has schema 9999"):
        await bring_back(place_of(tmp_path / "other"), tmp_path / "newer")
    assert not (tmp_path / "other").exists()


async def test_pipelines_that_go_on_and_those_the_server_does_not_know_are_told(
    here: Place, tmp_path: Path
):
    with closing(sqlite3.connect(here.data_dir / "assay.db")) as store:
        store.execute("UPDATE pipelines SET state = 'running', finished_at = NULL")
        store.commit()
    await save(here, tmp_path / "ended")
    with closing(sqlite3.connect(here.data_dir / TEMPORAL_FILE)) as server:
        server.execute("UPDATE current_executions SET state = 2")
        server.commit()
    await save(here, tmp_path / "runs")

    runs = await bring_back(replace(place_of(tmp_path / "a"), host="elsewhere"), tmp_path / "runs")
    again = await bring_back(place_of(tmp_path / "b"), tmp_path / "ended")

    assert (runs.unfinished, runs.again, runs.host) == (("p1",), (), "h")
    assert (again.unfinished, again.again, again.host) == ((), ("p1",), "")


async def test_a_result_that_is_gone_is_named(here: Place, tmp_path: Path):
    shutil.rmtree(here.data_dir / "artifacts" / "sha256")
    done = await save(here, tmp_path / "backup")

    assert "the store refers to it" in done.not_held[0]
    assert "artifacts" in done.not_held[-1] or len(done.not_held) <= 3


def strange_folder(here: Place, target: Path) -> None:
    target.mkdir()
    (target / "thesis.tex").write_text("mine")


def plain_file(here: Place, target: Path) -> None:
    target.write_text("mine")


def inside(here: Place, target: Path) -> None:
    """Its place is among what is backed up."""


@pytest.mark.parametrize(
    ("make", "where", "says"),
    [
        (strange_folder, "x", "holds no backup"),
        (plain_file, "fleet.yaml", "is a file"),
        (inside, "data/reports/x", "inside of the data folder"),
        (inside, "data/x.zip", "inside of the data folder"),
        (inside, "no/x", "no folder"),
    ],
)
async def test_a_wrong_place_is_refused(
    here: Place, tmp_path: Path, make: Callable[[Place, Path], None], where: str, says: str
):
    make(here, tmp_path / where)
    with pytest.raises(PlatformError, match=says):
        await save(here, tmp_path / where)
    if where == "x":
        assert (tmp_path / "x" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../out", "artifacts/../../out", "/etc/passwd", "run/token", "artifacts", "reports//x"]
)
async def test_a_backup_writes_nowhere_else(here: Place, tmp_path: Path, name: str):
    await save(here, tmp_path / "backup")
    file = tmp_path / "backup" / BACKUP_MANIFEST
    manifest = json.loads(file.read_text())
    manifest["files"][0]["name"] = name
    file.write_text(json.dumps(manifest))

    with pytest.raises(PlatformError, match="its manifest is wrong"):
        await bring_back(place_of(tmp_path / "new"), tmp_path / "backup")


async def test_two_backups_do_not_write_to_one_folder(here: Place, tmp_path: Path):
    with (
        backup_writer.backup_writer(tmp_path / "backup", lambda _: None),
        pytest.raises(PlatformError, match="another backup"),
    ):
        await save(here, tmp_path / "backup")


async def test_a_restore_that_was_killed_half_way_is_repeated(here: Place, tmp_path: Path):
    await save(here, tmp_path / "backup")
    before = files_of(here.data_dir)
    (here.data_dir / RESTORING).mkdir()
    (here.data_dir / SWAPPING).touch()
    shutil.rmtree(here.data_dir / "artifacts")

    await bring_back(here, tmp_path / "backup", force=True)

    assert files_of(here.data_dir) == before
    assert not (here.data_dir / RESTORING).exists() and not (here.data_dir / SWAPPING).exists()
