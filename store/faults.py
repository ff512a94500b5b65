"""Errors of a database as platform faults with a cause and a next step."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc

from contract.errors import ErrorCode, PlatformError

_SCHEMA = "its schema is missing or old; start the worker, which brings it to this version"

_ABSENT = "check that the file is there, and can be read; the first worker makes it"

# SQLSTATE classes and codes of PostgreSQL (appendix A of its manual); longest prefix wins.
_SQLSTATES: dict[str, tuple[ErrorCode, str]] = {
    "08": (ErrorCode.UNAVAILABLE, "the connection broke; it is tried again"),
    "22": (ErrorCode.INVALID_ARGUMENT, "the value does not fit its column"),
    "23503": (ErrorCode.FAILED_PRECONDITION, "register the pipeline first"),
    "28": (ErrorCode.UNAUTHENTICATED, "check user and password of the store's URL"),
    "3D000": (ErrorCode.FAILED_PRECONDITION, "create the database or correct the store's URL"),
    "40": (ErrorCode.UNAVAILABLE, "another writer was in the way; it is tried again"),
    "42501": (ErrorCode.PERMISSION_DENIED, "grant the store's user its tables"),
    "42P01": (ErrorCode.FAILED_PRECONDITION, _SCHEMA),
    "42703": (ErrorCode.FAILED_PRECONDITION, _SCHEMA),
    "53": (ErrorCode.RESOURCE_EXHAUSTED, "the database server is out of resources"),
    "53100": (ErrorCode.RESOURCE_EXHAUSTED, "disk full: free space on the database server"),
    "57": (ErrorCode.UNAVAILABLE, "the database server is stopping or starting"),
    "58": (ErrorCode.UNAVAILABLE, "the database server has an I/O fault; see its log"),
}

# Texts of SQLite's result codes; its exceptions carry little else through the async driver.
_SQLITE_TEXTS: tuple[tuple[str, ErrorCode, str], ...] = (
    ("disk is full", ErrorCode.RESOURCE_EXHAUSTED, "disk full: free space or move ASSAY_DATA"),
    ("disk i/o error", ErrorCode.UNAVAILABLE, "check the disk that holds the database"),
    ("is locked", ErrorCode.UNAVAILABLE, "another writer holds the database; it is tried again"),
    ("unable to open", ErrorCode.UNAVAILABLE, _ABSENT),
    ("readonly database", ErrorCode.PERMISSION_DENIED, "make the file and its folder writable"),
    ("no such table", ErrorCode.FAILED_PRECONDITION, _SCHEMA),
    ("no such column", ErrorCode.FAILED_PRECONDITION, _SCHEMA),
    ("has no column named", ErrorCode.FAILED_PRECONDITION, _SCHEMA),
    ("foreign key constraint", ErrorCode.FAILED_PRECONDITION, "register the pipeline first"),
    ("malformed", ErrorCode.DATA_LOSS, "restore the file, or rebuild the store"),
    ("not a database", ErrorCode.DATA_LOSS, "the file is no SQLite database; correct the URL"),
)


@contextmanager
def platform_faults(where: str) -> Generator[None]:
    """Turn every fault of the database into a `PlatformError`.

    Args:
        where: the store's URL without its password.

    Raises:
        PlatformError: UNAVAILABLE for a fault that passes, RESOURCE_EXHAUSTED for a full disk, ...
    """
    try:
        yield
    except exc.TimeoutError as error:
        message = f"store {where}: no free connection in time; lower the number of writers"
        raise PlatformError(ErrorCode.UNAVAILABLE, message) from error
    except exc.DBAPIError as error:
        raise _translated(where, error) from error
    except sqlite3.Error as error:
        raise _translated(where, exc.DBAPIError("", None, error)) from error
    except OSError as error:
        message = f"store {where} cannot be reached ({_one_line(error)}); is the database up?"
        raise PlatformError(ErrorCode.UNAVAILABLE, message) from error


def _translated(where: str, error: exc.DBAPIError) -> PlatformError:
    cause = _one_line(error.orig or error)
    code, next_step = _classify(error, cause.lower())
    return PlatformError(code, f"store {where}: {cause}; {next_step}")


def _classify(error: exc.DBAPIError, text: str) -> tuple[ErrorCode, str]:
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    for length in (5, 2):
        if sqlstate[:length] in _SQLSTATES:
            return _SQLSTATES[sqlstate[:length]]
    for needle, code, next_step in _SQLITE_TEXTS:
        if needle in text:
            return code, next_step
    if error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError):
        return ErrorCode.UNAVAILABLE, "it is tried again"
    return ErrorCode.INTERNAL, "this is a defect of the store; please report it"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300]
