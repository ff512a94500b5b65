"""Logging in and out, tokens, sessions, and the log of changes."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from contract.access import Scope
from contract.errors import ErrorCode, PlatformError
from control.access import Access, Known
from control.actions import Action
from control.errors import WrongInputError
from control.refusals import Refusals
from dashboard.access.asking import AuditAsked
from dashboard.access.audit import audited
from dashboard.access.cookie import drop_session, session_of, set_session
from dashboard.access.identity import Origin, origin_of
from dashboard.access.returning import FIRST, safe_path
from dashboard.access.tries import Tries
from dashboard.access.who import Actor, Means, actor_of
from dashboard.known import Accesses, Here, Log, Manager, Operator, Reader
from dashboard.problems import Problem, problem_of
from dashboard.rendering import page
from dashboard.urls import with_query

router = APIRouter()
_SEE_OTHER = 303
_Text = Annotated[str, Form(max_length=200)]  # longer ones are none of ours
_Place = Annotated[str, Form(max_length=2_000)]


@router.get("/login")
async def login(request: Request, next: str = FIRST) -> Response:
    """A form for a token."""
    return _login_page(request, safe_path(next))


@router.post("/login")
async def log_in(
    request: Request, site: Here, access: Accesses, token: _Text = "", next: _Place = FIRST
) -> Response:
    """Open a session, and go back to where the browser was."""
    origin, tries = origin_of(request, site.doors), _tries(request)
    try:
        known = await access.by_token(token.strip())
        if known is None:
            tries.failed(origin.address)
            raise _wrong()
        async with audited(request, _somebody(known, origin.address), Action.LOG_IN):
            secret = await access.log_in(token.strip(), origin.address, local=origin.local)
            if secret is None:
                raise _wrong()
    except PlatformError as error:
        return _login_page(request, safe_path(next), problem_of(error))
    return await _entered(request, access, safe_path(next), secret)


@router.get("/enter")
async def enter(request: Request, site: Here, access: Accesses, key: str = "") -> Response:
    """Ask whether the browser shall use its login link, which a look alone does not use up."""
    known = await _link(request, access, key, origin_of(request, site.doors))
    return page(request, "enter.html.j2", key=key, known=known)


@router.post("/enter")
async def use_link(request: Request, site: Here, access: Accesses, key: _Text = "") -> Response:
    """Open a session by a login link."""
    origin = origin_of(request, site.doors)
    known = await _link(request, access, key, origin)
    async with audited(request, _somebody(known, origin.address), Action.LOG_IN, "by a login link"):
        found = await access.by_link(key, origin.address, local=origin.local)
        if found is None:
            raise _used_up()
    return await _entered(request, access, FIRST, found[0])


@router.post("/logout")
async def logout(request: Request, site: Here, access: Accesses) -> Response:
    """End the session of this browser, whose cookie is kept until that is done."""
    origin, secret = origin_of(request, site.doors), session_of(request)
    known = await access.by_session(secret, local=origin.local) if secret else None
    if known is not None:
        async with audited(request, _somebody(known, origin.address), "log out"):
            await access.log_out(secret)
    answer = RedirectResponse("/login", _SEE_OTHER)
    drop_session(request, answer)
    return answer


@router.get("/audit")
async def audit(
    request: Request, log: Log, _: Reader, asked: Annotated[AuditAsked, Query()]
) -> Response:
    """What was changed, by whom, from where, and what came of it; the latest first."""
    found = asked.sealed(await log.changes(asked.query()))
    again = asked.question() | {"limit": str(asked.limit)}
    after = with_query("/audit", again | {"after": found.after}) if found.after else ""
    return page(request, "audit.html.j2", found=found, asked=asked, after=after)


@router.get("/tokens")
async def tokens(request: Request, access: Accesses, _: Manager) -> Response:
    """Tokens and the browsers that are logged in."""
    listed = await access.tokens()
    return page(
        request,
        "tokens.html.j2",
        tokens=listed.tokens,
        sessions=(await access.sessions()).sessions,
        now=access.now(),
    )


@router.post("/tokens/revoke")
async def revoke(request: Request, access: Accesses, actor: Operator, name: _Text = "") -> Response:
    """End a token and the sessions that it opened."""
    async with audited(request, actor, "revoke token", f"token {name}"):
        await access.revoke(name)
    return RedirectResponse("/tokens", _SEE_OTHER)


@router.post("/sessions/end")
async def end_session(
    request: Request, access: Accesses, actor: Operator, id: _Text = ""
) -> Response:
    """Log a browser out."""
    async with audited(request, actor, "end session", f"session {id}"):
        await access.end_session(id)
    return RedirectResponse("/tokens", _SEE_OTHER)


def _tries(request: Request) -> Tries:
    return request.app.state.tries


def _somebody(known: Known, address: str) -> Actor:
    return Actor(known.name, known.scope.all, address, Means.TOKEN)


def _login_page(request: Request, to: str, problem: Problem | None = None) -> Response:
    status = 200
    if problem is not None:
        status = 401 if problem.code == ErrorCode.INVALID_ARGUMENT else problem.status
    may = actor_of(request).may(Scope.OPERATE)
    return page(request, "login.html.j2", status=status, to=to, problem=problem, may=may)


async def _entered(request: Request, access: Access, to: str, secret: str) -> Response:
    if earlier := session_of(request):
        await access.log_out(earlier)
    answer = RedirectResponse(to, _SEE_OTHER)
    set_session(request, answer, secret)
    return answer


async def _link(request: Request, access: Access, key: str, origin: Origin) -> Known:
    """Whom a login link would let in; that it lets nobody in is kept in the log.

    Raises:
        PlatformError: UNAUTHENTICATED; or the store cannot be read.
    """
    known = await access.link(key)
    if known is None:
        refusals: Refusals = request.app.state.refusals
        refusals.count(origin.address, Action.LOG_IN, "login link")
        raise _used_up()
    return known


def _wrong() -> WrongInputError:
    return WrongInputError("the token is unknown, revoked or expired", next_step="check it")


def _used_up() -> PlatformError:
    return PlatformError(
        ErrorCode.UNAUTHENTICATED,
        "this login link is used up or older than ten minutes",
        next_step="make a new one on the machine of the dashboard: assay token link",
    )
