"""Which changes between two pipelines are wanted."""

from collections.abc import Callable, Collection
from typing import Annotated, Literal, Self

from pydantic import Field

from contract.weakness import BaselineState
from control.comparison import Change
from control.findings_asked import MOST_VALUES, Filters, cwe_number, owasp_category
from control.findings_scope import says
from reports.baseline import tools_of

ChangedState = Literal[BaselineState.NEW, BaselineState.FIXED, BaselineState.UNKNOWN]


class AskedChanges(Filters):
    """Filters of changes: models, apps and categories of what is compared, the rest of the list.

    Attributes:
        state: what became of it; left out: all three.
    """

    state: Annotated[tuple[ChangedState, ...], Field(max_length=MOST_VALUES)] = ()

    @property
    def compared(self) -> Self:
        """What is compared, without filters of the list."""
        return type(self)(model=self.model, app=self.app, category=self.category)


EVERY_CHANGE = AskedChanges()


def fitting(wanted: AskedChanges) -> Callable[[Change], bool]:
    """Whether a change of the wanted apps and categories is to be listed.

    Raises:
        WrongInputError: a CWE or a category of the OWASP Top 10 is none.
    """
    numbers = set(map(cwe_number, wanted.cwe))
    owasp = set(map(owasp_category, wanted.owasp))
    tools = {name.rpartition("/")[2] for name in wanted.tool}

    def fits(change: Change) -> bool:
        weakness, found = change.weakness, change.weakness.finding
        return (
            _meet(wanted.state, (change.state,))
            and _meet(wanted.severity, (found.severity,))
            and _meet(wanted.confidence, (found.confidence,))
            and _meet(wanted.family, (weakness.family,))
            and _meet(wanted.rule, (found.rule_id,))
            and _meet(wanted.fingerprint, (found.fingerprint,))
            and _meet(numbers, found.cwe[:1])
            and _meet(owasp, weakness.owasp[:1])
            and _meet(tools, tools_of(found))
            and says(weakness, wanted.text)
        )

    return fits


def _meet(
    wanted: Collection[str] | Collection[int], has: Collection[str] | Collection[int]
) -> bool:
    return not wanted or any(each in wanted for each in has)
