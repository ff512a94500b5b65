"""Who asks, and what they may do."""

from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple

from starlette.requests import HTTPConnection

from contract.errors import ErrorCode, PlatformError


class Scope(StrEnum):
    """What a token is good for; who may operate may read, too."""

    READ = "read"
    OPERATE = "operate"


class Actor(NamedTuple):
    """Who asks.

    Attributes:
        name: as the audit log tells it.
        scopes: what they may do.
        address: where the request came from.
    """

    name: str
    scopes: frozenset[Scope]
    address: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs `scope`."""
        return scope in self.scopes


def reading(request: HTTPConnection) -> Actor:
    """Whoever may read.

    Raises:
        PlatformError: UNAUTHENTICATED: nobody is known to ask.
    """
    actor = actor_of(request)
    if not actor.may(Scope.READ):
        raise PlatformError(
            ErrorCode.UNAUTHENTICATED, "reading needs a token", next_step="log in with a token"
        )
    return actor


def operating(request: HTTPConnection) -> Actor:
    """Whoever may change something.

    Raises:
        PlatformError: UNAUTHENTICATED or PERMISSION_DENIED.
    """
    actor = actor_of(request)
    if not actor.may(Scope.OPERATE):
        raise PlatformError(
            ErrorCode.UNAUTHENTICATED,
            "changing something needs a token with the scope operate",
            next_step="log in with such a token",
        )
    return actor


def actor_of(request: HTTPConnection) -> Actor:
    """Who asks, as far as that is known."""
    address = request.client.host if request.client else ""
    local = address and ip_address(address).is_loopback
    return Actor("somebody on this machine", frozenset(Scope) if local else frozenset(), address)
