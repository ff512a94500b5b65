"""What a comparison says, in words and figures that are the same wherever they are shown."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from contract.scans import LostTool
from contract.weakness import BaselineState
from control.compared_looks import LookCounts
from control.comparison import Comparison
from control.left_out import some
from reports.baseline_results import BaselineCount
from reports.rates import GRAVE

_NAMED = 12


class Figure(NamedTuple):
    """How many weaknesses are in one state.

    Attributes:
        text: the count; with a sign behind it where looks are missing, so that there may be more.
        grave: high and critical ones among them.
        suppressed: those that a decision says need no action.
        at_least: whether there may be more.
    """

    text: str
    grave: int
    suppressed: int
    at_least: bool


def figure_of(counts: Sequence[BaselineCount], looks: LookCounts, state: BaselineState) -> Figure:
    """The figure of one state: where a tool did not look in both, there may be more unknown ones.

    Where no tool looked in both, nothing is said to be new, unchanged or fixed: no zero either.
    """
    mine = [row for row in counts if row.state is state]
    count = sum(row.count for row in mine)
    unknown = state is BaselineState.UNKNOWN and looks.missing > 0
    text = f"{count} or more" if unknown else str(count)
    if not count and not unknown and not looks.both:
        text = "not measured" if looks.missing else "nobody looked"
    grave = sum(row.count for row in mine if row.severity in GRAVE)
    return Figure(text, grave, sum(row.suppressed for row in mine), unknown)


def unmeasured(document: Comparison) -> tuple[str, ...]:
    """Which tools did not look in both pipelines, and at how many apps."""
    return some(list(_unmeasured(document)), _NAMED, "tools")


def no_longer_measured(document: Comparison) -> tuple[str, ...]:
    """Which tools measured apps in the earlier pipeline alone, of any category, and why not now."""
    lines = [
        f"{tool.tool}: {_apps(tool.apps)} ({_examples(tool)})"
        + (tool.reason and f": {tool.reason}")
        for tool in document.lost
    ]
    return some(lines, _NAMED, "tools")


def _examples(tool: LostTool) -> str:
    left = tool.apps - len(tool.examples)
    return ", ".join(tool.examples) + (f" and {left} more" if left > 0 else "")


def _unmeasured(document: Comparison) -> Iterator[str]:
    if not document.tools and document.summary.apps:
        about = ", ".join(document.categories)
        yield f"no tool of either pipeline looks for {about}: nothing is known of it"
    for tool in document.tools:
        parts = (
            ("in neither", tool.looks.neither),
            (f"only in {document.then}", tool.looks.then_only),
            (f"only in {document.now}", tool.looks.now_only),
        )
        told = [f"{where} on {_apps(number)}" for where, number in parts if number]
        if told:
            yield f"{tool.tool} measured {', '.join(told)}"


def _apps(number: int) -> str:
    return "1 app" if number == 1 else f"{number} apps"
