"""Tokens, sessions, login links and the log of changes; secrets come in as digests alone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from contract.access import (
    AuditEntry,
    AuditQuery,
    Change,
    ChangeOutcome,
    Scope,
    SessionRecord,
    TokenRecord,
)
from contract.errors import ErrorCode, PlatformError
from store.access_tables import audit, links, sessions, tokens
from store.columns import clean_text
from store.connected import Connected

_ID_LETTERS = 16  # of a session's digest: enough to name it, not enough to be it
_TEXT_LETTERS = 2_000
_TOKEN_FIELDS = tuple(TokenRecord.model_fields)


class OpenSession(NamedTuple):
    """A session as it is kept; `token` is the one that opened it, if one did."""

    record: SessionRecord
    local: bool
    token: TokenRecord | None


class AccessStore(Connected):
    """Who may come in, and what they changed. Call `store.migrate.upgrade` once before use."""

    async def add_token(self, token: TokenRecord, digest: str) -> None:
        """Keep a token.

        Raises:
            PlatformError: ALREADY_EXISTS: another one has or had its name, which the log names.
        """
        row = {**token.model_dump(), "scope": token.scope.value, "digest": digest}
        async with self.writing() as connection:
            added = await connection.execute(self.upsert(tokens, row))
            if not added.rowcount:
                raise PlatformError(
                    ErrorCode.ALREADY_EXISTS,
                    f"there is or was a token {token.name!r}",
                    next_step="choose another name: the log of changes names tokens",
                )

    async def tokens(self) -> list[TokenRecord]:
        """All of them, also those that are good for nothing any more; by name."""
        async with self.reading() as connection:
            rows = await connection.execute(select(tokens).order_by(tokens.c.name))
            return list(map(_token, rows))

    async def token(self, digest: str) -> TokenRecord | None:
        """The token with this digest."""
        async with self.reading() as connection:
            found = await connection.execute(select(tokens).where(tokens.c.digest == digest))
            row = found.first()
        return _token(row) if row else None

    async def use_token(self, name: str, at: datetime) -> None:
        """Remember that the token was used."""
        async with self.writing() as connection:
            used = update(tokens).where(tokens.c.name == name)
            await connection.execute(used.values(last_used_at=at))

    async def revoke_token(self, name: str, at: datetime) -> bool:
        """End a token and the sessions that it opened; False: it was revoked already.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.writing() as connection:
            this = tokens.c.name == name
            if await connection.scalar(select(tokens.c.name).where(this)) is None:
                raise PlatformError(
                    ErrorCode.NOT_FOUND, f"no token {name!r}", next_step="list the tokens"
                )
            await connection.execute(delete(sessions).where(sessions.c.token == name))
            revoked = update(tokens).where(this, tokens.c.revoked_at.is_(None))
            return (await connection.execute(revoked.values(revoked_at=at))).rowcount > 0

    async def add_session(
        self, session: SessionRecord, digest: str, *, local: bool, began_after: datetime
    ) -> None:
        """Keep a session, and forget those that began before `began_after`."""
        row = session.model_dump(exclude={"id"}) | {"scope": session.scope.value}
        async with self.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.began_at < began_after))
            await connection.execute(insert(sessions).values(**row, digest=digest, local=local))

    async def session(self, digest: str) -> OpenSession | None:
        """The session with this digest."""
        columns = [column.label(f"token_{column.name}") for column in tokens.c]
        query = select(sessions, *columns).where(sessions.c.digest == digest)
        joined = query.select_from(sessions.outerjoin(tokens, sessions.c.token == tokens.c.name))
        async with self.reading() as connection:
            row = (await connection.execute(joined)).first()
        if row is None:
            return None
        token = _token(row, "token_") if row.token is not None else None
        return OpenSession(_session(row), row.local, token)

    async def sessions(self, seen_after: datetime, began_after: datetime) -> list[SessionRecord]:
        """Those that are not too old; the newest first."""
        fresh = (sessions.c.seen_at > seen_after) & (sessions.c.began_at > began_after)
        query = select(sessions).where(fresh).order_by(sessions.c.began_at.desc())
        async with self.reading() as connection:
            return list(map(_session, await connection.execute(query)))

    async def see_session(self, digest: str, at: datetime) -> None:
        """Remember that the session was used."""
        async with self.writing() as connection:
            seen = update(sessions).where(sessions.c.digest == digest)
            await connection.execute(seen.values(seen_at=at))

    async def end_session(self, digest: str) -> bool:
        """End the session whose digest begins like this; False: there is none."""
        this = func.substr(sessions.c.digest, 1, len(digest)) == digest
        async with self.writing() as connection:
            return (await connection.execute(delete(sessions).where(this))).rowcount > 0

    async def add_link(
        self, digest: str, name: str, scope: Scope, now: datetime, expires_at: datetime
    ) -> None:
        """Keep a link that is good once, and forget those that are over."""
        row = {"digest": digest, "name": name, "scope": scope.value, "expires_at": expires_at}
        async with self.writing() as connection:
            await connection.execute(delete(links).where(links.c.expires_at < now))
            await connection.execute(insert(links).values(**row))

    async def link(self, digest: str, now: datetime) -> tuple[str, Scope] | None:
        """Name and scope of a link; None: it is good for nothing."""
        async with self.reading() as connection:
            found = await connection.execute(select(links).where(links.c.digest == digest))
            row = found.first()
        return (row.name, Scope(row.scope)) if row and now < row.expires_at else None

    async def take_link(self, digest: str, now: datetime) -> tuple[str, Scope] | None:
        """Name and scope of a link, which is used up by this; None: it is good for nothing."""
        used = delete(links).where(links.c.digest == digest)
        async with self.writing() as connection:
            row = (await connection.execute(used.returning(links))).first()
        return (row.name, Scope(row.scope)) if row and now < row.expires_at else None

    async def begin_change(self, change: Change, at: datetime) -> int:
        """Keep a change before it is made; its number."""
        row = {name: _short(text) for name, text in change.model_dump().items()}
        row |= {"action": row["action"][:64], "at": at, "reason": ""}
        row["outcome"] = ChangeOutcome.BEGUN.value
        async with self.writing() as connection:
            added = await connection.execute(insert(audit).values(**row).returning(audit.c.id))
            return added.scalar_one()

    async def end_change(
        self, number: int, outcome: ChangeOutcome, reason: str, at: datetime
    ) -> None:
        """Keep how a change ended."""
        values = {"outcome": outcome.value, "reason": _short(reason), "ended_at": at}
        async with self.writing() as connection:
            await connection.execute(update(audit).where(audit.c.id == number).values(**values))

    async def changes(self, query: AuditQuery) -> list[AuditEntry]:
        """The changes that are wanted, the latest first; at most one more than the limit."""
        wanted = select(audit).where(*_wanted(query)).order_by(audit.c.id.desc())
        async with self.reading() as connection:
            rows = (await connection.execute(wanted.limit(query.limit + 1))).mappings()
            return [AuditEntry.model_validate(dict(row)) for row in rows]

    async def actions(self) -> list[str]:
        """Every action that is in the log, by name."""
        async with self.reading() as connection:
            query = select(audit.c.action).distinct().order_by(audit.c.action)
            return list(await connection.scalars(query))


def _wanted(query: AuditQuery) -> Iterator[ColumnElement[bool]]:
    for column, text in ((audit.c.who, query.who), (audit.c.subject, query.subject)):
        if text:
            yield column.icontains(clean_text(text), autoescape=True)
    if query.action:
        yield audit.c.action == clean_text(query.action)
    if query.outcome is not None:
        yield audit.c.outcome == query.outcome.value
    if query.after:
        yield audit.c.id < query.after


def _token(row: Any, prefix: str = "") -> TokenRecord:
    return TokenRecord(**{name: getattr(row, f"{prefix}{name}") for name in _TOKEN_FIELDS})


def _session(row: Any) -> SessionRecord:
    return SessionRecord(
        id=row.digest[:_ID_LETTERS],
        name=row.name,
        scope=row.scope,
        token=row.token,
        address=row.address,
        began_at=row.began_at,
        seen_at=row.seen_at,
    )


def _short(text: str) -> str:
    left_out = len(text) - _TEXT_LETTERS
    sign = f" ... and {left_out:,} more letters" if left_out > 0 else ""
    return clean_text(text[:_TEXT_LETTERS]) + sign
