"""Tokens, sessions of browsers and login links: who may use an installation, and what for."""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from contract.access import TOKEN_NAME_PATTERN, Scope, SessionRecord, TokenRecord
from control.access_documents import LoginLink, NewToken, Sessions, Tokens
from control.access_kept import KeptAccess
from control.errors import WrongInputError
from control.last_uses import LastUses
from control.stored import Stored
from store.access import OpenSession

LINK_MINUTES = 10
IDLE = timedelta(hours=8)
LONGEST = timedelta(days=7)
TOKEN_PREFIX = "assay_"  # noqa: S105
_TO_THE_MINUTE = timedelta(minutes=1)
_SECRET_LETTERS = 200  # longer ones are none of ours


class Known(NamedTuple):
    """Somebody who showed a secret that is good."""

    name: str
    scope: Scope


def _now() -> datetime:
    return datetime.now(UTC)


class TokensThere(StrEnum):
    """Whether a token lets anybody in."""

    GOOD = "good"
    OVER = "over"
    """There were tokens; each has expired or was revoked."""
    NONE = "none"


async def tokens_there(stored: Stored) -> TokensThere:
    """Whether a token lets anybody in now.

    Raises:
        PlatformError: the store cannot be read.
    """
    kept = KeptAccess(stored)
    try:
        tokens = (await Access(kept).tokens()).tokens
    finally:
        await kept.close()
    if any(token.good_at(_now()) for token in tokens):
        return TokensThere.GOOD
    return TokensThere.OVER if tokens else TokensThere.NONE


class Access:
    """Who may use one installation.

    Attributes:
        kept: the store's part of it.
        now: the present moment, with its zone.
    """

    def __init__(self, kept: KeptAccess, now: Callable[[], datetime] = _now) -> None:
        self.kept = kept
        self.now = now
        self._uses = LastUses(kept)

    async def close(self) -> None:
        """Keep what is known of last uses; before `kept` is closed."""
        await self._uses.close()

    async def create_token(self, name: str, scope: Scope, days: float | None, by: str) -> NewToken:
        """Make a token.

        Args:
            name: whose or what for.
            scope: what it is good for.
            days: how long; None: until it is revoked.
            by: who makes it.

        Raises:
            WrongInputError: the name is not usable, or the days are none.
            PlatformError: ALREADY_EXISTS; or the store cannot be written.
        """
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = self.now()
        record = TokenRecord(
            name=_usable(name),
            scope=scope,
            created_at=now,
            created_by=by,
            expires_at=None if days is None else now + _days(days),
        )
        await self.kept.told(lambda store: store.add_token(record, _digest(token)))
        return NewToken(token=token, record=record)

    async def tokens(self) -> Tokens:
        """All tokens.

        Raises:
            PlatformError: the store cannot be read.
        """
        none: list[TokenRecord] = []
        return Tokens(tokens=tuple(await self.kept.asked(lambda store: store.tokens(), none)))

    async def revoke(self, name: str) -> bool:
        """End a token and the sessions that it opened; False: it was revoked already.

        Raises:
            PlatformError: NOT_FOUND; or the store cannot be written.
        """
        return await self.kept.told(lambda store: store.revoke_token(name, self.now()))

    async def by_token(self, token: str) -> Known | None:
        """Whose token this is; None: it is good for nothing.

        Raises:
            PlatformError: the store cannot be read.
        """
        record = await self._token(token)
        return Known(record.name, record.scope) if record else None

    async def log_in(self, token: str, address: str, *, local: bool) -> str | None:
        """The secret of a new session of a browser; None: the token is good for nothing.

        Args:
            token: that was typed.
            address: where the browser is.
            local: whether it is on this machine: then the session is good on this machine alone.

        Raises:
            PlatformError: the store cannot be read or written.
        """
        record = await self._token(token)
        if record is None:
            return None
        return await self._begin(Known(record.name, record.scope), record.name, address, local)

    async def make_link(self, name: str, scope: Scope = Scope.OPERATE) -> LoginLink:
        """A link that lets one browser in as `name`, once.

        Raises:
            PlatformError: the store cannot be written.
        """
        key, now = secrets.token_urlsafe(32), self.now()
        until = now + timedelta(minutes=LINK_MINUTES)
        await self.kept.told(lambda store: store.add_link(_digest(key), name, scope, now, until))
        return LoginLink(key=key, name=name, scope=scope, expires_at=until)

    async def link(self, key: str) -> Known | None:
        """Whom a link would let in, without using it up; None: it is good for nothing.

        Raises:
            PlatformError: the store cannot be read.
        """
        digest, now = _digest(key[:_SECRET_LETTERS]), self.now()
        found = await self.kept.asked(lambda store: store.link(digest, now), None)
        return Known(*found) if found else None

    async def by_link(self, key: str, address: str, *, local: bool) -> tuple[str, Known] | None:
        """The secret of a new session, and whose it is; None: the link is good for nothing.

        Raises:
            PlatformError: the store cannot be read or written.
        """
        if len(key) > _SECRET_LETTERS:
            return None
        found = await self.kept.told(lambda store: store.take_link(_digest(key), self.now()))
        if found is None:
            return None
        known = Known(*found)
        return await self._begin(known, None, address, local), known

    async def by_session(self, secret: str, *, local: bool) -> Known | None:
        """Who is logged in; None: the session is over.

        Raises:
            PlatformError: the store cannot be read.
        """
        if len(secret) > _SECRET_LETTERS:
            return None
        digest, now = _digest(secret), self.now()
        found = await self.kept.asked(lambda store: store.session(digest), None)
        if found is None or not _goes_on(found, now) or (found.local and not local):
            return None
        if now - found.record.seen_at > _TO_THE_MINUTE:
            self._uses.remember(digest, lambda store: store.see_session(digest, now))
        return Known(found.record.name, found.record.scope)

    async def sessions(self) -> Sessions:
        """The browsers that are logged in, the latest first.

        Raises:
            PlatformError: the store cannot be read.
        """
        none: list[SessionRecord] = []
        oldest = (self.now() - IDLE, self.now() - LONGEST)
        found = await self.kept.asked(lambda store: store.sessions(*oldest), none)
        return Sessions(sessions=tuple(found))

    async def log_out(self, secret: str) -> bool:
        """End the session of a browser; False: it was over.

        Raises:
            PlatformError: the store cannot be written.
        """
        return await self.kept.told(lambda store: store.end_session(_digest(secret)))

    async def end_session(self, session_id: str) -> bool:
        """End a session by its ID; False: it was over.

        Raises:
            WrongInputError: that is no ID.
            PlatformError: the store cannot be written.
        """
        if not re.fullmatch(r"[0-9a-f]{16}", session_id):
            raise WrongInputError("that is no ID of a session", next_step="list the sessions")
        return await self.kept.told(lambda store: store.end_session(session_id))

    async def _token(self, token: str) -> TokenRecord | None:
        """A token that is good now; that it was used is remembered to the minute."""
        if not token.startswith(TOKEN_PREFIX) or len(token) > _SECRET_LETTERS:
            return None
        now = self.now()
        found = await self.kept.asked(lambda store: store.token(_digest(token)), None)
        if found is None or not found.good_at(now):
            return None
        if found.last_used_at is None or now - found.last_used_at > _TO_THE_MINUTE:
            self._uses.remember(found.name, lambda store: store.use_token(found.name, now))
        return found

    async def _begin(self, known: Known, token: str | None, address: str, local: bool) -> str:
        secret, now = secrets.token_urlsafe(32), self.now()
        session = SessionRecord(
            id="",
            name=known.name,
            scope=known.scope,
            token=token,
            address=address,
            began_at=now,
            seen_at=now,
        )
        await self.kept.told(
            lambda store: store.add_session(
                session, _digest(secret), local=local, began_after=now - LONGEST
            )
        )
        return secret


def _goes_on(found: OpenSession, now: datetime) -> bool:
    session = found.record
    fresh = now - session.seen_at <= IDLE and now - session.began_at <= LONGEST
    return fresh and (
        session.token is None or (found.token is not None and found.token.good_at(now))
    )


def _usable(name: str) -> str:
    if not re.fullmatch(TOKEN_NAME_PATTERN, name):
        raise WrongInputError(
            f"{name[:70]!r} names no token",
            next_step="use letters, digits, '.', '_', '@' and '-', starting with a letter or "
            "digit, at most 63 characters",
        )
    return name


def _days(days: float) -> timedelta:
    if not 0 < days <= 3_660:
        raise WrongInputError(
            f"a token that is good for {days} days",
            next_step="name more than 0 and at most 3660 days, or none",
        )
    return timedelta(days=days)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
