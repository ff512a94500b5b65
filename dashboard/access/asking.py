"""What may be asked of the log of changes."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from contract.access import AuditQuery, ChangeOutcome
from control.audit import Changes
from control.errors import WrongInputError
from dashboard import paging

_PLACE_DIGITS = 18
_Outcome = Annotated[ChangeOutcome | None, BeforeValidator(lambda value: value or None)]


class AuditAsked(BaseModel):
    """A filter of changes, and a place in the list of them.

    Attributes:
        who, subject: texts that are part of it, whatever the case.
        action: exactly this one.
        outcome: how it ended.
        after: the cursor of the page before.
        limit: changes per page.
    """

    who: Annotated[str, Field(max_length=200)] = ""
    action: Annotated[str, Field(max_length=64)] = ""
    subject: Annotated[str, Field(max_length=200)] = ""
    outcome: _Outcome = None
    after: Annotated[str, Field(max_length=paging.CURSOR_LETTERS)] = ""
    limit: Annotated[int, Field(ge=1, le=paging.ROWS_MAX)] = 100

    def question(self) -> dict[str, str]:
        """The filter alone; a cursor is good for this."""
        outcome = self.outcome.value if self.outcome else ""
        return {
            "who": self.who,
            "action": self.action,
            "subject": self.subject,
            "outcome": outcome,
        }

    def query(self) -> AuditQuery:
        """For the store.

        Raises:
            WrongInputError: the cursor is none, or of another question.
        """
        place = paging.opened(self.after, self.question()) or "0"
        if not (place.isascii() and place.isdigit() and len(place) <= _PLACE_DIGITS):
            raise WrongInputError("the cursor is none", next_step="begin with the first page again")
        return AuditQuery(
            **self.model_dump(include={"who", "action", "subject", "outcome", "limit"}),
            after=int(place),
        )

    def sealed(self, found: Changes) -> Changes:
        """What was found, with a cursor for this question alone."""
        cursor = paging.sealed(found.after, self.question())
        return found.model_copy(update={"after": cursor})
