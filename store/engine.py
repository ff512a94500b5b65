"""Engines: SQLite in WAL mode by default, PostgreSQL by URL."""

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contract.errors import ErrorCode, PlatformError
from store.columns import dump_json

BUSY_TIMEOUT_MS = 30_000
POOL_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 120.0

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "foreign_keys=ON",
    "synchronous=FULL",
    # Indexes are written all over: 64 MB of them stay in memory (negative: in KiB), and what was
    # written goes into the file every 32 MB.
    "cache_size=-64000",
    "wal_autocheckpoint=8000",
)
_READ = "assay_read"
_FILE = "assay_file"


def parse_url(url: str) -> URL:
    """The store's URL with an async driver: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.

    Raises:
        PlatformError: INVALID_ARGUMENT for any other database, or SQLite without a file.
    """
    forms = "use sqlite:///path/to/file.db or postgresql://user:password@host/name"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, f"not a store URL; {forms}") from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        message = f"no store for {parsed.drivername!r}; {forms}"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
    if driver.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, f"the store needs a file; {forms}")
    return parsed.set(drivername=driver)


def make_engine(url: str, *, create: bool = False) -> AsyncEngine:
    """An engine for the store; no connection is opened yet.

    Args:
        url: see `parse_url`.
        create: whether a SQLite file that is not there is made. Only migrations do: a store that is
            gone for a moment must not come back as an empty one.

    Raises:
        PlatformError: INVALID_ARGUMENT, see `parse_url`; PERMISSION_DENIED when the folder of a
            SQLite file cannot be made.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, create)
    return create_async_engine(
        parsed,
        json_serializer=dump_json,
        pool_pre_ping=True,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": STATEMENT_TIMEOUT_S},
    )


def reading(engine: AsyncEngine) -> AsyncEngine:
    """`engine` for reads: all statements of one transaction see the same moment."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READ: True})
    return engine.execution_options(isolation_level="REPEATABLE READ")


def describe(engine: AsyncEngine) -> str:
    """The store's place for people, without a password."""
    return describe_url(engine.url)


def describe_url(url: URL) -> str:
    """As `describe`, of a URL."""
    return url.render_as_string(hide_password=True).partition("?")[0]


def _sqlite_engine(url: URL, create: bool) -> AsyncEngine:
    path = Path(url.database or "").absolute()
    if create:
        _make_folder(path.parent)
    mode = {"mode": "rwc" if create else "rw", "uri": "true"}
    engine = create_async_engine(
        url.set(database=f"file:{quote(str(path))}", query=mode),
        json_serializer=dump_json,
        pool_size=4,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "connect", partial(_remember, path))
    event.listen(engine.sync_engine, "checkout", partial(_require_same, path))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the store's folder {folder}: {error.strerror}; move ASSAY_DATA"
        raise PlatformError(ErrorCode.PERMISSION_DENIED, message) from error


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling is off: it would begin too late and lock too little.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _remember(path: Path, _connection: Any, record: Any) -> None:
    record.info[_FILE] = _identity(path)


def _require_same(path: Path, _connection: Any, record: Any, _proxy: Any) -> None:
    """Have a connection replaced whose file is another one now: a store was made anew."""
    if record.info.get(_FILE) != _identity(path):
        raise DisconnectionError("another file has its name now")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: a transaction that reads first and locks later can fail with
    # "database is locked" without waiting at all.
    read = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
