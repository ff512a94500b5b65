"""Who asks, and what they may do."""

from enum import StrEnum
from typing import NamedTuple

from starlette.requests import HTTPConnection

from contract.access import Scope
from contract.errors import ErrorCode, PlatformError

__all__ = ["Actor", "Identity", "Means", "Scope", "actor_of", "managing", "operating", "reading"]

IDENTITY = "assay.identity"  # in the scope of a request


class Means(StrEnum):
    """How it is known who asks."""

    NOTHING = "nothing"
    LOCAL = "local"
    TOKEN = "token"  # noqa: S105
    SESSION = "session"
    PROXY = "proxy"


class Actor(NamedTuple):
    """Who asks.

    Attributes:
        name: as the audit log tells it.
        scopes: what they may do.
        address: where the request came from.
        means: how that is known.
    """

    name: str
    scopes: frozenset[Scope]
    address: str = ""
    means: Means = Means.NOTHING

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs `scope`."""
        return scope in self.scopes


class Identity(NamedTuple):
    """What is known of who asks; `trouble`: why it is not known better."""

    actor: Actor
    trouble: PlatformError | None = None


def reading(request: HTTPConnection) -> Actor:
    """Whoever may read.

    Raises:
        PlatformError: UNAUTHENTICATED: nobody is known to ask; or why that cannot be found out.
    """
    return _allowed(request, Scope.READ, "reading needs a token")


def operating(request: HTTPConnection) -> Actor:
    """Whoever may change something.

    Raises:
        PlatformError: UNAUTHENTICATED, PERMISSION_DENIED; or why it cannot be found out who asks.
    """
    needs = "changing something needs a token with the scope operate"
    return _allowed(request, Scope.OPERATE, needs)


def managing(request: HTTPConnection) -> Actor:
    """Whoever may see who has access.

    Raises:
        PlatformError: as `operating`.
    """
    needs = "seeing who has access needs a token with the scope operate, as a change does"
    return _allowed(request, Scope.OPERATE, needs)


def actor_of(request: HTTPConnection) -> Actor:
    """Who asks, as far as that is known."""
    return _identity(request).actor


def _identity(request: HTTPConnection) -> Identity:
    nobody = Identity(Actor("nobody", frozenset()))
    return request.scope.get(IDENTITY, nobody)


def _allowed(request: HTTPConnection, scope: Scope, needs: str) -> Actor:
    actor, trouble = _identity(request)
    if actor.may(scope):
        return actor
    if trouble is not None:
        raise trouble
    known = actor.means not in (Means.NOTHING, Means.LOCAL)
    raise PlatformError(
        ErrorCode.PERMISSION_DENIED if known else ErrorCode.UNAUTHENTICATED,
        f"{needs}; {actor.name} has none" if known else needs,
        next_step="log in with such a token",
    )
