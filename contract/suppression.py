"""Decisions that a weakness needs no action: who decided, why, and until when it holds."""

from datetime import date
from typing import Annotated, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from contract.base import Authored

MAX_SUPPRESSIONS = 1_000
"""So many decisions one plan carries: below Temporal's limit of 2 MB for one payload."""


def _text(most: int, least: int = 0) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most, strip_whitespace=True)


class Suppression(Authored):
    """A reviewed decision that a weakness needs no action. It hides nothing: it is counted apart.

    Attributes:
        fingerprint: of the weakness; or
        rule: rule (`B608`, `bandit:B608`) or most specific CWE (`CWE-89`), together with `path`.
        path: glob of a file below the app's root, or of the path of an operation where no file is
            known; `*` ends at a slash, `**` does not.
        app: `model/app3`, or a glob of such labels; left out: every app.
        who: who decided.
        why: the reason.
        until: last day on which it holds; left out: it has no end.
    """

    fingerprint: Annotated[str, _text(200)] = ""
    rule: Annotated[str, _text(200)] = ""
    path: Annotated[str, _text(1_000)] = ""
    app: Annotated[str, _text(200)] = ""
    who: Annotated[str, _text(120, 1)]
    why: Annotated[str, _text(1_000, 1)]
    until: date | None = None

    @model_validator(mode="after")
    def _names_a_weakness(self) -> Self:
        if self.fingerprint and (self.rule or self.path):
            raise ValueError("fingerprint alone, or rule together with path")
        if not self.fingerprint and not (self.rule and self.path):
            raise ValueError("name a fingerprint, or rule together with path ('**': every file)")
        return self

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it decides about: a later decision with the same key takes its place."""
        return self.fingerprint, self.rule, self.path, self.app

    @property
    def subject(self) -> str:
        """What it decides about, for people."""
        what = self.fingerprint or f"{self.rule} in {self.path}"
        return f"{what} of {self.app}" if self.app else what

    def holds_on(self, day: date) -> bool:
        """Whether it holds on this day."""
        return self.until is None or day <= self.until


def _written(value: object) -> str:
    return "suppressions-file" if isinstance(value, str) else "suppressions-list"


_Listed = Annotated[tuple[Suppression, ...], Field(max_length=MAX_SUPPRESSIONS)]
Suppressions = Annotated[
    Annotated[str, Tag("suppressions-file")] | Annotated[_Listed, Tag("suppressions-list")],
    Discriminator(_written),
]
"""What a spec says: the name of a file, or the decisions themselves, as a plan always has them."""
