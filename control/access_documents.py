"""What is answered about those who may use an installation."""

from datetime import datetime
from typing import Literal

from contract.access import Scope, SessionRecord, TokenRecord
from contract.base import Frozen


class NewToken(Frozen):
    """A token that was made.

    Attributes:
        token: the secret itself; it is kept nowhere and never shown again.
        record: what is kept of it.
    """

    token: str
    record: TokenRecord


class Tokens(Frozen):
    """All tokens.

    Attributes:
        tokens: each a `TokenRecord`, also those that are good for nothing any more.
    """

    tokens: tuple[TokenRecord, ...]


class Sessions(Frozen):
    """All browsers that are logged in.

    Attributes:
        sessions: each a `SessionRecord`.
    """

    sessions: tuple[SessionRecord, ...]


class Ended(Frozen):
    """What came of ending a token or a session.

    Attributes:
        done: `ended`; `unchanged`: it had ended already.
    """

    done: Literal["ended", "unchanged"]

    @classmethod
    def of(cls, done: bool) -> "Ended":
        """What came of it."""
        return cls(done="ended" if done else "unchanged")


class LoginLink(Frozen):
    """What lets one browser in, once.

    Attributes:
        key: the secret.
        expires_at: from then on it is good for nothing.
    """

    key: str
    name: str
    scope: Scope
    expires_at: datetime
