"""What a database says becomes a code that decides about a retry, and a next step."""

import pytest
from sqlalchemy import exc

from contract.errors import ErrorCode, PlatformError
from store.faults import platform_faults


class ServerError(Exception):
    """An error of PostgreSQL as its driver raises it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("the server\nsaid so")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "code", "next_step"),
    [
        ("53100", ErrorCode.RESOURCE_EXHAUSTED, "free space on the database server"),
        ("53300", ErrorCode.RESOURCE_EXHAUSTED, "out of resources"),
        ("57P01", ErrorCode.UNAVAILABLE, "stopping or starting"),
        ("40P01", ErrorCode.UNAVAILABLE, "tried again"),
        ("28P01", ErrorCode.UNAUTHENTICATED, "check user and password"),
        ("42P01", ErrorCode.FAILED_PRECONDITION, "start the worker"),
        ("23503", ErrorCode.FAILED_PRECONDITION, "register the pipeline first"),
        ("XX000", ErrorCode.INTERNAL, "please report it"),
    ],
)
def test_sqlstates(sqlstate, code, next_step):
    with pytest.raises(PlatformError, match=next_step) as caught, platform_faults("store-url"):
        raise exc.DBAPIError("SELECT 1", None, ServerError(sqlstate))

    assert caught.value.code is code
    assert caught.value.message.startswith("store store-url: the server said so; ")


def test_a_connection_that_breaks_is_tried_again():
    with pytest.raises(PlatformError) as caught, platform_faults("x"):
        raise exc.DBAPIError("SELECT 1", None, ServerError(""), connection_invalidated=True)

    assert caught.value.code is ErrorCode.UNAVAILABLE


def test_no_free_connection_is_said():
    with pytest.raises(PlatformError, match="no free connection") as caught, platform_faults("x"):
        raise exc.TimeoutError

    assert caught.value.retryable


def test_a_platform_error_passes_unchanged():
    error = PlatformError(ErrorCode.NOT_FOUND, "no such pipeline")

    with pytest.raises(PlatformError) as caught, platform_faults("x"):
        raise error

    assert caught.value is error
