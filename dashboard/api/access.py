"""Tokens, sessions and the log of changes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from contract.access import Scope
from contract.base import Frozen
from control.access_documents import Ended, Sessions, Tokens
from control.audit import Changes
from dashboard.access.asking import AuditAsked
from dashboard.access.audit import audited
from dashboard.access.who import Means
from dashboard.known import Accesses, Log, Manager, Operator, Reader

router = APIRouter(tags=["access"])


class Asking(Frozen):
    """Who asks, as the dashboard knows it.

    Attributes:
        name: as the log of changes tells it.
        scopes: what they may do.
        address: where the request came from.
        means: how that is known.
    """

    name: str
    scopes: tuple[Scope, ...]
    address: str
    means: Means


@router.get("/me", operation_id="who_am_i")
async def who_am_i(actor: Reader) -> Asking:
    """Who asks, and what they may do."""
    scopes = tuple(sorted(actor.scopes))
    return Asking(name=actor.name, scopes=scopes, address=actor.address, means=actor.means)


@router.get("/audit", operation_id="list_changes")
async def list_changes(log: Log, _: Reader, asked: Annotated[AuditAsked, Query()]) -> Changes:
    """What was changed, by whom, from where, and what came of it; the latest first."""
    return asked.sealed(await log.changes(asked.query()))


@router.get("/tokens", operation_id="list_tokens")
async def list_tokens(access: Accesses, _: Manager) -> Tokens:
    """All tokens; the secrets themselves are known to their owners alone."""
    return await access.tokens()


@router.post("/tokens/{name}/revoke", operation_id="revoke_token")
async def revoke_token(request: Request, access: Accesses, actor: Operator, name: str) -> Ended:
    """End a token and the sessions that it opened."""
    async with audited(request, actor, "revoke token", f"token {name}"):
        return Ended.of(await access.revoke(name))


@router.get("/sessions", operation_id="list_sessions")
async def list_sessions(access: Accesses, _: Manager) -> Sessions:
    """The browsers that are logged in."""
    return await access.sessions()


@router.post("/sessions/{session_id}/end", operation_id="end_session")
async def end_session(
    request: Request, access: Accesses, actor: Operator, session_id: str
) -> Ended:
    """Log a browser out."""
    async with audited(request, actor, "end session", f"session {session_id}"):
        return Ended.of(await access.end_session(session_id))
