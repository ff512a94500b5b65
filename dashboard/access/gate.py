"""Stands before every route: under which name it is called, from which page, and by whom."""

from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.errors import ErrorCode, PlatformError
from control.access import Access
from dashboard.access.identity import identified, is_loopback, last_line, origin_of
from dashboard.access.scraping import scraping
from dashboard.access.tries import Tries
from dashboard.access.who import IDENTITY, Identity, Means, actor_of
from dashboard.site import Doors

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost"})


class Gate:
    """ASGI middleware. What it refuses, it raises; `Edge` answers that."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        doors: Doors,
        tries: Tries,
        token_file: Path | None = None,
    ) -> None:
        """Stand before `app`.

        Args:
            app: what is behind it.
            access: tokens and sessions.
            doors: who may come in.
            tries: of tokens that are wrong.
            token_file: has the analyzers' token, which reads figures; None: there is none.
        """
        self._app = app
        self._access = access
        self._doors = doors
        self._tries = tries
        self._token_file = token_file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through.

        Raises:
            PlatformError: PERMISSION_DENIED: the request came under a foreign name, or from a page
                of somebody else.
        """
        if scope["type"] == "http":
            request = Request(scope)
            require_own_name(request, self._doors)
            _believe_proxy(request, self._doors)
            if not str(scope["path"]).startswith("/static/"):
                scope[IDENTITY] = await self._who(request)
            require_own_page(request)
        await self._app(scope, receive, send)

    async def _who(self, request: Request) -> Identity:
        known = await scraping(request, self._token_file)
        return known or await identified(request, self._access, self._doors, self._tries)


def require_own_name(request: Request, doors: Doors) -> None:
    """Refuse a name that is none of ours: a page of somebody else may have got it for this address.

    Raises:
        PlatformError: PERMISSION_DENIED.
    """
    hosts = request.headers.getlist("host")
    name = host_name(hosts[0]) if len(hosts) == 1 else ""
    server = request.scope.get("server") or ("", 0)
    own = name in _LOOPBACK_NAMES or name in {host.lower() for host in doors.hosts}
    if own or is_loopback(name) or (name and name == server[0]):
        return
    raise PlatformError(
        ErrorCode.PERMISSION_DENIED,
        f"this dashboard does not answer under the name {name[:100]!r}",
        next_step="call it by 127.0.0.1, or have the name added to its hosts",
    )


def require_own_page(request: Request) -> None:
    """Refuse a change that a page of somebody else asks for.

    A browser says which page asks. A program with a token need not: nobody else can send it.

    Raises:
        PlatformError: PERMISSION_DENIED.
    """
    if request.method in _HARMLESS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site == "same-origin"
    elif origin is not None:
        own = origin.lower().partition("://")[2] == request.headers.get("host", "").lower() != ""
    else:
        bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
        own = bearer and actor_of(request).means in (Means.TOKEN, Means.NOTHING)
    if not own:
        raise PlatformError(
            ErrorCode.PERMISSION_DENIED,
            "a change must be asked for by a page of this dashboard, or by a program with a token",
            next_step="open the page here and try again; programs send Authorization: Bearer TOKEN",
        )


def host_name(host: str) -> str:
    """The name in a header `Host`, without port and brackets."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


def _believe_proxy(request: Request, doors: Doors) -> None:
    """Take the scheme from the trusted proxy: it ends TLS."""
    said = last_line(request, "x-forwarded-proto")
    if said in ("http", "https") and origin_of(request, doors).by_proxy:
        request.scope["scheme"] = said
