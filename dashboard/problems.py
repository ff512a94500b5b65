"""Errors as pages, and as problem documents for programs (RFC 9457)."""

import logging
from http import HTTPStatus
from math import ceil

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from control.left_out import some
from dashboard.rendering import page
from dashboard.urls import API

_LOG = logging.getLogger(__name__)
_STATUS = {
    ErrorCode.CANCELLED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    ErrorCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    ErrorCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.FAILED_PRECONDITION: HTTPStatus.CONFLICT,
    ErrorCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
}
# Of errors that the framework raises: their code, and what to do.
_HTTP = {
    HTTPStatus.BAD_REQUEST: (ErrorCode.INVALID_ARGUMENT, "correct the request and send it again"),
    HTTPStatus.NOT_FOUND: (
        ErrorCode.NOT_FOUND,
        "start at /pipelines; programs find every address in /api/v1/openapi.json",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        ErrorCode.UNIMPLEMENTED,
        "use a method that the header Allow names",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (ErrorCode.INVALID_ARGUMENT, "send less at once"),
    HTTPStatus.REQUEST_URI_TOO_LONG: (ErrorCode.INVALID_ARGUMENT, "ask for less at once"),
}
_SCRAPED = "/metrics"
_LETTERS, _LINES = 500, 20
_MESSAGE_LETTERS = 4_000
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Problem(Frozen):
    """Why a request was not answered, as RFC 9457 says it.

    Attributes:
        type: `about:blank`: the status says what kind of problem it is.
        title: of the status.
        status: the HTTP status.
        detail: the cause in one sentence.
        code: canonical gRPC status name.
        next_step: what to do about it; empty: unknown.
        lines: details, such as each wrong field.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = ""
    next_step: str = ""
    lines: tuple[str, ...] = ()


def add_handlers(app: FastAPI) -> None:
    """Answer every error with a page or a document."""
    app.add_exception_handler(PlatformError, _platform)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def problem_of(error: PlatformError) -> Problem:
    """The document of an error."""
    status = _STATUS[error.code]
    return Problem(
        title=status.phrase,
        status=status,
        detail=_text(error.message),
        code=error.code,
        next_step=_text(error.next_step),
        lines=tuple(map(_text, error.lines)),
    )


def _text(message: str) -> str:
    """A message that can be sent: it may name a file whose name is no UTF-8, or what was asked."""
    more = f" ... and {len(message) - _MESSAGE_LETTERS:,} more letters"
    sign = more if len(message) > _MESSAGE_LETTERS else ""
    return message[:_MESSAGE_LETTERS].encode(errors="backslashreplace").decode() + sign


async def answered(request: Request, problem: Problem) -> Response:
    """A problem in the form that is asked for."""
    path = request.url.path
    if path == _SCRAPED or path.startswith(f"{API}/"):
        return JSONResponse(
            problem.model_dump(mode="json"), problem.status, media_type="application/problem+json"
        )
    return page(request, "problem.html.j2", status=problem.status, problem=problem)


async def told(request: Request, error: Exception) -> Response:
    """The answer to a request that ended with this error, whatever it is."""
    if isinstance(error, PlatformError):
        return await _platform(request, error)
    if isinstance(error, HTTPException):
        return await _http(request, error)
    return await _unexpected(request, error)


async def _platform(request: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)  # noqa: S101 (registered for it alone)
    answer = await answered(request, problem_of(error))
    if error.code is ErrorCode.UNAUTHENTICATED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="assay"'
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(ceil(error.retry_after_s))
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    wrong_ones = [
        f"{'.'.join(map(str, item['loc'][1:])) or item['loc'][0]}: {item['msg']}"[:_LETTERS]
        for item in error.errors()
    ]
    lines = some(wrong_ones, _LINES, "wrong parameters")
    message = f"{len(error.errors())} wrong parameter(s)"
    wrong = PlatformError(
        ErrorCode.INVALID_ARGUMENT, message, next_step="correct them and ask again", lines=lines
    )
    return await answered(request, problem_of(wrong))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase
    detail = "there is no such page" if error.status_code == HTTPStatus.NOT_FOUND else error.detail
    code, step = _HTTP.get(HTTPStatus(error.status_code), ("", ""))
    problem = Problem(
        title=phrase, status=error.status_code, detail=detail, code=code, next_step=step
    )
    answer = await answered(request, problem)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> list[str]:
    """Of all routes of this address: each route by itself knows its own alone."""
    routes = request.app.routes
    return [name for name in _METHODS if any(_takes(one, request.scope, name) for one in routes)]


def _takes(route: BaseRoute, scope: Scope, method: str) -> bool:
    return route.matches({**scope, "method": method})[0] is Match.FULL


async def _unexpected(request: Request, error: Exception) -> Response:
    """A bug of ours: its traceback is in the log, not in the answer."""
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return await answered(
        request,
        Problem(
            title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            detail=f"an error that nobody expected: {type(error).__name__}",
            code=ErrorCode.INTERNAL,
            next_step="the dashboard's log has more; please report it",
        ),
    )
