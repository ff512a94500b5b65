"""From judges' answers to one score per criterion. Pure functions."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzers.ai.evidence import objection, placed
from analyzers.ai.schema import Evidence, QualityAnswer
from analyzers.ai.sources import Part


@dataclass(frozen=True, slots=True)
class Score:
    """One judge's score of one criterion over all parts with evidence that holds."""

    value: float
    evidence: tuple[Evidence, ...]
    reason: str
    rejected: tuple[str, ...]


def score(
    criterion: str,
    answers: Sequence[QualityAnswer],
    parts: Sequence[Part],
    files: Mapping[str, tuple[str, ...]],
) -> Score | None:
    """Mean over the parts, weighted by their lines; None where no part has evidence that exists."""
    weighted: list[tuple[float, int]] = []
    evidence: list[Evidence] = []
    reasons: list[str] = []
    rejected: list[str] = []
    for answer, part in zip(answers, parts, strict=True):
        given = next(scored for scored in answer.scores if scored.id == criterion)
        wrong = {quote: objection(quote, files) for quote in given.evidence}
        standing = [placed(quote, files) for quote, reason in wrong.items() if not reason]
        rejected += [reason for reason in wrong.values() if reason]
        if standing:
            weighted.append((float(given.score), part.lines))
            evidence += standing
            reasons.append(given.reason)
    if not weighted:
        return None
    lines = sum(weight for _, weight in weighted)
    value = sum(points * weight for points, weight in weighted) / lines
    return Score(value, tuple(evidence[:20]), "; ".join(dict.fromkeys(reasons)), tuple(rejected))


def across(values: Sequence[float]) -> float:
    """Median over the judges: one eccentric judge of three changes nothing."""
    return statistics.median(values)
