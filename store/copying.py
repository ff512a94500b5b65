"""Copies of databases while they are in use: SQLite by its backup API, PostgreSQL by its tools."""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import quote

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.errors import ErrorCode, PlatformError
from store.engine import BUSY_TIMEOUT_MS, describe_url, make_engine, parse_url
from store.faults import platform_faults

ASIDE = "before_restore_"
"""What the schemas of a PostgreSQL database begin with that a restore put aside."""
_PAGES = 4_096
_SERVERS = Path("/usr/lib/postgresql")
Check = Callable[[], None]
"""Is called now and then; may raise to end the work."""


def copy_sqlite(source: Path, target: Path, check: Check) -> None:
    """Copy a SQLite database that others may be writing to: one moment of it, and checked.

    Blocking. The copy needs no second file beside it.

    Raises:
        PlatformError: it cannot be read or written, or the copy is damaged.
    """
    with (
        platform_faults(str(source)),
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True)) as here,
        closing(sqlite3.connect(target)) as copy,
    ):
        here.isolation_level = None
        here.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        # Without a transaction around it, the copy begins anew whenever somebody writes.
        here.execute("BEGIN")
        here.execute("SELECT 1 FROM sqlite_master").fetchone()
        here.backup(copy, pages=_PAGES, progress=partial(_tell, check), sleep=0)
        here.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode=DELETE")
        verdict = str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        message = f"{source} is damaged: {verdict}"
        raise PlatformError(ErrorCode.DATA_LOSS, message, next_step="restore an earlier backup")


def _tell(check: Check, _status: int, _remaining: int, _total: int) -> None:
    check()


def dump_postgres(url: str, target: Path, check: Check) -> None:
    """Write all tables of a PostgreSQL store to `target`, as they are at one moment. Blocking.

    Raises:
        PlatformError: `pg_dump` is not there, or says why it cannot.
    """
    parsed = parse_url(url)
    _run(
        parsed,
        [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"],
        [f"--exclude-schema={ASIDE}*", "--file", str(target)],
        check,
    )


def load_postgres(url: str, dump: Path, check: Check) -> None:
    """Put a dump into an empty PostgreSQL database, whole or not at all. Blocking.

    Raises:
        PlatformError: `pg_restore` is not there, or says why it cannot.
    """
    parsed = parse_url(url)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run(parsed, [_program("pg_restore"), *options], [str(dump)], check)


async def put_aside(url: str, moment: str) -> str:
    """Rename the schema with everything in it, and make an empty one; what it is called now.

    Raises:
        PlatformError: the database cannot be reached, or does not let us.
    """
    async with _admin(url) as connection:
        schema = await connection.scalar(text("SELECT current_schema()"))
        await connection.execute(text(f'ALTER SCHEMA "{schema}" RENAME TO "{ASIDE}{moment}"'))
        await connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    return f"{ASIDE}{moment}"


async def put_back(url: str, aside: str) -> None:
    """Undo `put_aside`; what is in the new schema is gone.

    Raises:
        PlatformError: as `put_aside`.
    """
    async with _admin(url) as connection:
        schema = await connection.scalar(text("SELECT current_schema()"))
        await connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
        await connection.execute(text(f'ALTER SCHEMA "{aside}" RENAME TO "{schema}"'))


@asynccontextmanager
async def _admin(url: str) -> AsyncGenerator[AsyncConnection]:
    engine = make_engine(url)
    try:
        with platform_faults(describe_url(engine.url)):
            async with engine.begin() as connection:
                yield connection
    finally:
        await engine.dispose()


def _program(name: str) -> str:
    """The newest one that is installed: an older one does not read a newer server."""
    folders = sorted(_SERVERS.glob("*/bin"), key=_version, reverse=True)
    installed = [found for folder in folders if (found := shutil.which(name, path=str(folder)))]
    if found := next(iter(installed), None) or shutil.which(name):
        return found
    raise PlatformError(
        ErrorCode.FAILED_PRECONDITION,
        f"{name} is not installed here, and a store on PostgreSQL is copied with it",
        next_step="install PostgreSQL's client programs (Debian: postgresql-client), or run this "
        "where they are",
    )


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _run(url: URL, program: list[str], arguments: list[str], check: Check) -> None:
    argv = [*program, "--no-password", *_where(url), *arguments]
    environment = {"LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"}
    if url.password:  # on the command line, everybody on this machine could read it
        environment["PGPASSWORD"] = str(url.password)
    if mode := url.query.get("sslmode") or url.query.get("ssl"):
        environment["PGSSLMODE"] = str(mode)
    with TemporaryFile() as said:
        process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        code = _ended(process, check)
        said.seek(0)
        words = " ".join(said.read(2_000).decode(errors="replace").split())
    if code != 0:
        message = f"{Path(program[0]).name} of {describe_url(url)}: {words or f'exit code {code}'}"
        raise PlatformError(ErrorCode.UNAVAILABLE, message)


def _where(url: URL) -> list[str]:
    parts = {"--host": url.host, "--port": url.port, "--username": url.username}
    named = [part for name, value in parts.items() if value for part in (name, str(value))]
    return [*named, "--dbname", str(url.database or "")]


def _ended(process: subprocess.Popen[bytes], check: Check) -> int:
    try:
        while (code := process.poll()) is None:
            check()
            time.sleep(0.05)
        return code
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
