"""The cookie by which a browser that is logged in is known."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from control.access import LONGEST


def session_of(request: HTTPConnection) -> str:
    """The secret of the session that a browser shows; empty: it shows none."""
    return request.cookies.get(_name(request), "")


def set_session(request: HTTPConnection, answer: Response, secret: str) -> None:
    """Let the browser show this secret from now on."""
    answer.set_cookie(
        _name(request),
        secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def drop_session(request: HTTPConnection, answer: Response) -> None:
    """Let the browser forget its secret."""
    answer.delete_cookie(
        _name(request), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser speaks TLS, to this server or to the trusted proxy before it."""
    return request.scope["scheme"] == "https"


def _name(request: HTTPConnection) -> str:
    """Cookies do not know ports: two installations on one machine have cookies of two names."""
    if is_secure(request):
        return "__Host-assay"
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"assay-{port}" if port.isascii() and port.isdigit() else "assay"
