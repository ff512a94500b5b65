"""Who may use an installation, and what was changed there by whom."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contract.base import Frozen

TOKEN_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$"  # noqa: S105 (of a name)


class Scope(StrEnum):
    """What a token is good for; who may operate may read, too."""

    READ = "read"
    OPERATE = "operate"

    @property
    def all(self) -> "frozenset[Scope]":
        """This scope, and those that it includes."""
        return frozenset(Scope) if self is Scope.OPERATE else frozenset({Scope.READ})


class TokenRecord(Frozen):
    """A token; what it is itself, only its owner knows.

    Attributes:
        name: whose or what for; the log of changes names it.
        scope: what it is good for.
        created_by: who made it.
        expires_at: from then on it is good for nothing; null: never.
        last_used_at: to the minute; null: never used.
        revoked_at: since when it is good for nothing; null: it was not revoked.
    """

    name: str
    scope: Scope
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def good_at(self, moment: datetime) -> bool:
        """Whether it lets anybody in at that moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


class SessionRecord(Frozen):
    """A browser that is logged in.

    Attributes:
        id: names it; who knows it cannot use it.
        name: who is logged in.
        token: the token that opened it, and whose end ends it; null: a login link did.
        address: where it was opened from.
        began_at, seen_at: when it was opened, and used last (to the minute).
    """

    id: str
    name: str
    scope: Scope
    token: str | None = None
    address: str
    began_at: datetime
    seen_at: datetime


class ChangeOutcome(StrEnum):
    """How a change ended. One that is `begun` for long was cut off: nobody knows how it ended."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class Change(Frozen):
    """Somebody's change, as it is kept before it is made.

    Attributes:
        who: asked for it.
        action: in one or two words.
        subject: what was to be changed.
        detail: with what, in one line.
        address: where the request came from.
    """

    who: str
    action: str
    subject: str = ""
    detail: str = ""
    address: str = ""


class AuditEntry(Change):
    """A change in the log.

    Attributes:
        id: its number in the log.
        at, ended_at: when it was begun, and when its outcome was known.
        reason: why it failed; else empty.
    """

    id: int
    at: datetime
    outcome: ChangeOutcome
    reason: str = ""
    ended_at: datetime | None = None


class AuditQuery(Frozen):
    """Which changes are wanted. An empty field excludes nothing; all others must hold.

    Attributes:
        who, subject: texts that are part of it, whatever the case.
        action: exactly this one.
        after: number of the last change of the page before; 0: the first page.
        limit: changes per page.
    """

    who: str = ""
    action: str = ""
    subject: str = ""
    outcome: ChangeOutcome | None = None
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 100
