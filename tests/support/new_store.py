"""A new store for a test: a process migrates one and copies it for each test that wants one.

To migrate takes most of a tenth of a second of a core, and hundreds of tests begin with it. What
tests migrating itself calls `store.migrate.upgrade`.
"""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
from sqlalchemy import URL

from store.engine import parse_url
from store.migrate import upgrade


async def new_store(url: str) -> None:
    """Have a store with the newest schema at `url`, as `upgrade` does.

    A PostgreSQL database of that name must not be there yet.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        await _new_file(url, Path(parsed.database or ""))
    else:
        template = _migrated_database(parsed.set(database="postgres"))
        await _create(parsed.set(database="postgres"), parsed.database or "", template)


async def new_database(url: str) -> None:
    """Have an empty database at `url`: SQLite makes its file itself."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        await _create(parsed.set(database="postgres"), parsed.database or "", "template1")


async def _new_file(url: str, file: Path) -> None:
    if file.exists():
        await upgrade(url)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    """The whole file of a store that was just migrated. A loop may run here: it has a thread."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        file = Path(folder) / "assay.db"
        thread.submit(asyncio.run, upgrade(f"sqlite:///{file}")).result()
        assert list(Path(folder).iterdir()) == [file], "something is left outside the file"
        return file.read_bytes()


@cache
def _migrated_database(admin: URL) -> str:
    """Name of a database of this server that was just migrated."""
    name = f"assay_template_{uuid.uuid4().hex[:12]}"

    async def make() -> None:
        await _create(admin, name, "template1")
        await upgrade(_text(admin.set(database=name)))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make()).result()
    return name


async def _create(admin: URL, name: str, template: str) -> None:
    connection = await asyncpg.connect(_text(admin.set(drivername="postgresql")))
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
