"""The scripts for docker compose, rehearsed against a real PostgreSQL; the engine is a stand-in."""

import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from clients.docker.composer import brought_along
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.integration.conftest import _binary
from tests.store import samples

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]
# What compose would do: programs of a database's container, a shell in the worker's.
DOCKER = r"""#!/bin/bash
set -e
shift  # compose
case $1 in
up) ;;
config) exec "$COMPOSE" "$@" ;;
exec) shift 3; prog=$1; shift; exec "$BIN/$prog" -h "$HOST" -p "$PORT" "$@" ;;
run) [ -d "$VOLUME/reports" ] || { echo "it is root's" >&2; exit 1; }
  command=${!#}; exec sh -c "${command//\/data/$VOLUME}" ;;
esac
"""


# Says what tar says of files that change, or cannot be read, as the file of that name wants it.
TAR = f"""#!/bin/sh
{shutil.which("tar")} "$@" || exit
here=$(dirname "$0")
[ ! -e "$here/tar-says" ] || exit "$(cat "$here/tar-says")"
"""
KEPT = (
    "volume/artifacts/sha256/ab/x",
    "volume/imported/p1/m/app1/main.py",
    "volume/specs/p1.yaml",
    "volume/reports/p1/r.html",
)
LINK = "volume/imported/p1/link"
FILES = (
    *KEPT,
    "volume/logins/secret",
    f"volume/artifacts/sha256/{'0f' * 16}.part",
    f"volume/reports/p1/{'0f' * 16}.part",
    f"volume/reports/p1/.draft-{'0f' * 16}/r.html",
)


@dataclass(frozen=True)
class Installed:
    """A compose installation: its databases are on a server, its volume is a folder."""

    server: str
    folder: Path

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        host, _, port = self.server.partition(":")
        env = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "BIN": str(Path(_binary("pg_dump")).parent),
            "HOST": host,
            "PORT": port,
            "VOLUME": str(self.folder / "volume"),
            "COMPOSE": str(brought_along()),
            # As .env of an installation: no variable of this shell.
            "COMPOSE_ENV_FILES": str(self.folder / "env"),
        }
        argv = [str(ROOT / "deploy" / "backup" / script), *arguments]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)

    async def destroy(self) -> None:
        """What compose makes anew is empty; the folder of reports is gone."""
        await sql(self.server, *DROP, "CREATE DATABASE assay", "CREATE DATABASE temporal")
        shutil.rmtree(self.folder / "volume")
        (self.folder / "volume").mkdir()


async def sql(server: str, *statements: str, database: str = "postgres") -> None:
    connection = await asyncpg.connect(f"postgresql://postgres@{server}/{database}")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


DATABASES = ("temporal", "temporal_visibility", "assay")
DROP = [f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in DATABASES]


@pytest.fixture
async def installed(postgres_server: str, tmp_path: Path) -> AsyncIterator[Installed]:
    for name in ("temporal", "assay"):
        await sql(postgres_server, f"CREATE ROLE {name} SUPERUSER LOGIN")
    await sql(postgres_server, *(f"CREATE DATABASE {name}" for name in DATABASES))
    for name in DATABASES[:2]:
        await sql(
            postgres_server,
            "CREATE TABLE executions (id text PRIMARY KEY)",
            f"INSERT INTO executions VALUES ('{name}')",
            database=name,
        )
    url = f"postgresql://assay@{postgres_server}/assay"
    await upgrade(url)
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan("p1"))
    await store.close()
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / LINK).symlink_to("m/app1/main.py")
    (tmp_path / "env").write_text(
        f"ASSAY_APPS=/f\nDOCKER_GID=1\nASSAY_DATA={tmp_path / 'volume'}\n"
    )
    for name, text in (("docker", DOCKER), ("tar", TAR)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    yield Installed(postgres_server, tmp_path)
    await sql(postgres_server, *DROP, "DROP ROLE temporal", "DROP ROLE assay")


async def test_a_destroyed_installation_comes_back(installed: Installed):
    backup = installed.folder / f"backup-{uuid.uuid4().hex[:6]}"
    saved = installed.run("compose-backup.sh", str(backup))
    assert saved.returncode == 0, saved.stderr
    refused = installed.run("compose-restore.sh", str(backup))
    assert refused.returncode == 2 and "holds something already" in refused.stdout
    again = installed.run("compose-backup.sh", str(backup))
    assert again.returncode == 2 and "is there already" in again.stdout

    await installed.destroy()
    restored = installed.run("compose-restore.sh", str(backup))

    assert restored.returncode == 0, restored.stdout + restored.stderr
    for name in DATABASES[:2]:
        connection = await asyncpg.connect(f"postgresql://postgres@{installed.server}/{name}")
        assert await connection.fetchval("SELECT id FROM executions") == name
        await connection.close()
    store = SqlResultStore.from_url(f"postgresql://assay@{installed.server}/assay")
    assert [one.pipeline_id for one in await store.list_pipelines()] == ["p1"]
    await store.close()
    volume = installed.folder / "volume"
    back = {str(one.relative_to(installed.folder)) for one in volume.rglob("*") if one.is_file()}
    assert back == {*KEPT, LINK}, (
        "with a secret, a file on its way, a mark; or something is missing"
    )
    assert (installed.folder / LINK).readlink() == Path("m/app1/main.py")


async def test_what_changes_meanwhile_is_no_fault_and_what_cannot_be_read_is(installed: Installed):
    says = installed.folder / "tar-says"
    says.write_text("1")
    saved = installed.run("compose-backup.sh", str(installed.folder / "changed"))
    assert saved.returncode == 0, saved.stderr
    assert f"reports of {installed.folder / 'volume/reports'}" in saved.stdout
    says.write_text("2")
    assert installed.run("compose-backup.sh", str(installed.folder / "locked")).returncode != 0
    says.unlink()
    with tarfile.open(installed.folder / "changed/reports.tar") as tar:
        assert "reports" not in tar.getnames()  # somebody else's, and there, when it is unpacked
    shutil.rmtree(installed.folder / "volume/reports")
    away = installed.run("compose-backup.sh", str(installed.folder / "away"))

    assert away.returncode == 2
    assert f"there is no folder {installed.folder / 'volume/reports'}" in away.stdout
    assert not (installed.folder / "locked").exists()
    assert not (installed.folder / "away").exists()


async def test_a_restore_that_was_cut_short_goes_on(installed: Installed):
    backup = str(installed.folder / "backup")
    assert installed.run("compose-backup.sh", backup).returncode == 0
    await installed.destroy()
    says = installed.folder / "tar-says"
    says.write_text("2")
    full = installed.run("compose-restore.sh", backup)
    says.unlink()
    again = installed.run("compose-restore.sh", backup)
    used = installed.run("compose-restore.sh", backup)

    assert full.returncode == 1
    assert "data.tar could not be unpacked" in full.stdout
    assert "holds something already" not in full.stdout
    assert again.returncode == 0, again.stdout + again.stderr
    assert "assay of store-db is there" in again.stdout
    assert all((installed.folder / name).is_file() for name in KEPT)
    assert used.returncode == 2
    assert "holds something already" in used.stdout


async def test_a_damaged_backup_is_refused_and_a_failed_one_leaves_nothing(installed: Installed):
    backup = installed.folder / "backup"
    assert installed.run("compose-backup.sh", str(backup)).returncode == 0
    with (backup / "assay.dump").open("ab") as dump:
        dump.write(b"?")
    damaged = installed.run("compose-restore.sh", str(backup))
    assert damaged.returncode == 2 and "is damaged" in damaged.stdout

    await sql(installed.server, DROP[1])
    failed = installed.run("compose-backup.sh", str(installed.folder / "other"))
    assert failed.returncode != 0
    assert not list(installed.folder.glob("other*"))
