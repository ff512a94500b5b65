"""Finds out who asks: by token, session, trusted proxy, or because they are on this machine."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from starlette.requests import HTTPConnection

from contract.access import Scope
from contract.errors import ErrorCode, PlatformError
from control.access import TOKEN_PREFIX, Access, Known
from dashboard.access.cookie import session_of
from dashboard.access.tries import Tries
from dashboard.access.who import Actor, Identity, Means
from dashboard.site import Doors

SOMEBODY = "somebody on this machine"
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"})
_NAME_LETTERS = 100


class Origin(NamedTuple):
    """Where a request came from.

    Attributes:
        address: of the person, as far as it is known.
        local: on this machine, and not handed on from elsewhere.
        by_proxy: the trusted proxy handed it on.
    """

    address: str
    local: bool
    by_proxy: bool


def origin_of(request: HTTPConnection, doors: Doors) -> Origin:
    """Where a request came from. A header that says so counts only from the trusted proxy."""
    peer = request.client.host if request.client else ""
    if doors.proxy and _same(peer, doors.proxy):
        last = last_line(request, "x-forwarded-for").rpartition(",")[2].strip()
        return Origin(last if _address(last) else peer, local=False, by_proxy=True)
    handed_on = any(
        name in _FORWARDED or name.startswith("x-forwarded-") for name in request.headers
    )
    local = is_loopback(peer) and not handed_on
    return Origin(peer, local=local, by_proxy=False)


async def identified(
    request: HTTPConnection, access: Access, doors: Doors, tries: Tries
) -> Identity:
    """Who asks.

    Whoever shows a token is nobody else: a wrong one lets nobody in, on this machine neither.
    """
    origin = origin_of(request, doors)
    anybody = _without_secret(request, origin, doors)
    authorization = _authorization(request, anybody)
    if authorization is not None:
        anybody = Actor("nobody", frozenset(), origin.address)
    try:
        if authorization is not None:
            return Identity(await _by_token(authorization, origin, access, tries))
        secret = session_of(request)
        known = await access.by_session(secret, local=origin.local) if secret else None
    except PlatformError as error:
        return Identity(anybody, error)
    return Identity(_actor(known, origin, Means.SESSION) if known else anybody)


def _authorization(request: HTTPConnection, anybody: Actor) -> str | None:
    """What is shown for a token.

    What a proxy hands on of the login that it asked for itself, beside the name, is none of ours.
    """
    text = request.headers.get("authorization")
    if text is not None and anybody.means is Means.PROXY:
        return text if _token_in(text).startswith(TOKEN_PREFIX) else None
    return text


async def _by_token(authorization: str, origin: Origin, access: Access, tries: Tries) -> Actor:
    """Who shows a token.

    One wrong program of a machine locks no other one out: 256 random bits are not guessed, however
    many tries there are.

    Raises:
        PlatformError: UNAUTHENTICATED, or RESOURCE_EXHAUSTED after many wrong ones.
    """
    token = _token_in(authorization)
    known = await access.by_token(token)
    if known is not None:
        return _actor(known, origin, Means.TOKEN)
    if token:
        tries.failed(origin.address)
    raise PlatformError(
        ErrorCode.UNAUTHENTICATED,
        "the token is unknown, revoked or expired",
        next_step="send another one: Authorization: Bearer TOKEN",
    )


def _token_in(authorization: str) -> str:
    kind, _, token = authorization.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _without_secret(request: HTTPConnection, origin: Origin, doors: Doors) -> Actor:
    """Who that is by where the request came from alone."""
    if origin.by_proxy and (name := _printable(_said_once(request, doors.proxy_user_header))):
        scopes = _scopes(_said_once(request, doors.proxy_scopes_header))
        return Actor(name, scopes, origin.address, Means.PROXY)
    if origin.local and doors.local:
        return Actor(SOMEBODY, Scope.READ.all, origin.address, Means.LOCAL)
    return Actor("nobody", frozenset(), origin.address)


def last_line(request: HTTPConnection, header: str) -> str:
    """The last of the lines of a header: a proxy adds its own after those of whoever asks."""
    lines = request.headers.getlist(header)
    return lines[-1] if lines else ""


def _said_once(request: HTTPConnection, header: str) -> str:
    """What a header says; of two lines one may be of whoever asks, and nothing is said."""
    lines = request.headers.getlist(header) if header else []
    return lines[0] if len(lines) == 1 else ""


def _scopes(text: str) -> frozenset[Scope]:
    """What a proxy says that somebody may do: whom it lets through may read."""
    named = text.replace(",", " ").split()
    return (Scope.OPERATE if Scope.OPERATE in named else Scope.READ).all


def _actor(known: Known, origin: Origin, means: Means) -> Actor:
    return Actor(known.name, known.scope.all, origin.address, means)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_NAME_LETTERS]


def is_loopback(text: str) -> bool:
    """Whether this is an address of the machine itself."""
    address = _address(text)
    return address is not None and address.is_loopback


def _same(one: str, other: str) -> bool:
    address = _address(one)
    return address is not None and address == _address(other)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
