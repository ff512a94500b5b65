"""The scripts for docker compose, rehearsed against a real PostgreSQL; the engine is a stand-in."""

import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

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
exec) shift 3; prog=$1; shift; exec "$BIN/$prog" -h "$HOST" -p "$PORT" "$@" ;;
run) command=${!#}; exec sh -c "${command//\/data/$VOLUME}" ;;
esac
"""


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
            "ASSAY_DATA": str(self.folder / "data"),
        }
        argv = [str(ROOT / "deploy" / "backup" / script), *arguments]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)


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
    for name in ("volume/artifacts/sha256/ab/x", "volume/logins/secret", "data/reports/p1/r.html"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
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

    await sql(installed.server, *DROP, "CREATE DATABASE assay")
    for name in ("volume", "data"):
        shutil.rmtree(installed.folder / name)
    (installed.folder / "volume").mkdir()
    restored = installed.run("compose-restore.sh", str(backup))

    assert restored.returncode == 0, restored.stdout + restored.stderr
    for name in DATABASES[:2]:
        connection = await asyncpg.connect(f"postgresql://postgres@{installed.server}/{name}")
        assert await connection.fetchval("SELECT id FROM executions") == name
        await connection.close()
    store = SqlResultStore.from_url(f"postgresql://assay@{installed.server}/assay")
    assert [one.pipeline_id for one in await store.list_pipelines()] == ["p1"]
    await store.close()
    assert (installed.folder / "volume/artifacts/sha256/ab/x").is_file()
    assert (installed.folder / "data/reports/p1/r.html").is_file()
    assert not (installed.folder / "volume/logins").exists(), "a secret was in the backup"


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
