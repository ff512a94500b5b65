"""What tools were given and did not look at, by reason, so that nobody takes it for clean."""

from collections import Counter

from contract.analysis import Coverage
from reports.model import NotLookedAt

_SAMPLE = 50  # the most that a coverage names


def not_looked_at(coverage: Coverage | None) -> tuple[NotLookedAt, ...]:
    """Counts by reason, the largest first; the text after a colon in a reason is a detail.

    All that was given and not reached counts. What the sample does not name comes last, without a
    reason. If the sample is full, each reason may stand for more.
    """
    if coverage is None:
        return ()
    reasons = Counter(skipped.reason.partition(": ")[0].strip() for skipped in coverage.skipped)
    given = coverage.given if coverage.given is not None else 0
    total = max(coverage.skipped_total, given - coverage.reached, len(coverage.skipped))
    unnamed = total - len(coverage.skipped)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    more = unnamed > 0 and len(coverage.skipped) >= _SAMPLE
    groups = [NotLookedAt(reason=reason, count=count, at_least=more) for reason, count in ordered]
    return (*groups, *([NotLookedAt(reason="", count=unnamed)] if unnamed else []))
