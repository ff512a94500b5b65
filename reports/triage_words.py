"""What a report says of its baseline and its decisions, in a few lines for people. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from contract.weakness import BaselineState
from reports.baseline_results import BaselineReport
from reports.suppressions import SuppressionUse


def baseline_line(baseline: BaselineReport | None) -> str:
    """The security weaknesses beside the baseline; empty if there is none."""
    if baseline is None:
        return ""
    if baseline.problem:
        return f"{baseline.pipeline_id}: nothing can be compared: {baseline.problem}"
    counts = ", ".join(f"{baseline.count(state)} {state}" for state in BaselineState)
    alone = baseline.only_now_total + baseline.only_then_total
    apart = f"; {alone} apps are in one of the two alone" if alone else ""
    return f"{baseline.pipeline_id}: {counts} security weaknesses{apart}"


def decision_lines(uses: Sequence[SuppressionUse]) -> Iterator[str]:
    """What the decisions are about, and which of them are to be looked at again."""
    if not uses:
        return
    states = Counter(use.state for use in uses)
    used = sum(use.weaknesses for use in uses if use.state == "used")
    yield f"{len(uses)} say that weaknesses need no action: {used} are counted apart"
    for state, told in (
        ("expired", "are over: their weaknesses count again"),
        ("unused", "are about no weakness any more"),
    ):
        if states[state]:
            named = [use.suppression.subject for use in uses if use.state == state]
            more = f" and {len(named) - 3} more" if len(named) > 3 else ""
            yield f"{states[state]} {told}: {'; '.join(named[:3])}{more}"
