"""From judges' answers to one verdict per requirement. Pure functions."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzers.ai.evidence import objection, placed
from analyzers.ai.prompts import Question
from analyzers.ai.schema import Evidence, RequirementAnswer, RequirementVerdict, Verdict

# Not `documents`: those may be the documents that the app's users work with.
_ABOUT_DOCUMENTS = re.compile(r"\breadme\b|\bdocument(?:ed|ation)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ruling:
    """One judge's verdict on one requirement over all parts, with the evidence that holds."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]
    reason: str
    rejected: tuple[str, ...]


def rule(
    question: Question,
    answers: Sequence[RequirementAnswer],
    files: Mapping[str, tuple[str, ...]],
    unread: Sequence[str] = (),
) -> Ruling:
    """Merge the parts: met where any part proves it, open where any part leaves it open.

    A `met` without existing evidence counts as `cannot_tell`. `not_met` needs every part to say so,
    and no `unread` source text: only then was the whole app read without finding it.
    """
    rulings = [
        _of_part(verdict, question, files)
        for answer in answers
        for verdict in answer.verdicts
        if verdict.id == question.id
    ]
    order: tuple[Verdict, ...] = ("met", "cannot_tell", "not_met")
    verdict: Verdict = next(
        candidate for candidate in order if any(ruling.verdict == candidate for ruling in rulings)
    )
    if verdict == "not_met" and unread:
        reason = f"not found in what was read; not read: {', '.join(unread[:10])}"
        rejected = tuple(quote for ruling in rulings for quote in ruling.rejected)
        return Ruling("cannot_tell", (), reason, rejected)
    speaking = [ruling for ruling in rulings if ruling.verdict == verdict]
    return Ruling(
        verdict=verdict,
        evidence=tuple(quote for ruling in speaking for quote in ruling.evidence)[:20],
        reason="; ".join(dict.fromkeys(ruling.reason for ruling in speaking if ruling.reason)),
        rejected=tuple(quote for ruling in rulings for quote in ruling.rejected),
    )


def _of_part(
    given: RequirementVerdict, question: Question, files: Mapping[str, tuple[str, ...]]
) -> Ruling:
    about_documents = bool(_ABOUT_DOCUMENTS.search(question.text))
    objections = [objection(quote, files, about_documents) for quote in given.evidence]
    standing = tuple(
        placed(quote, files)
        for quote, wrong in zip(given.evidence, objections, strict=True)
        if not wrong
    )
    rejected = tuple(wrong for wrong in objections if wrong)
    if given.verdict == "met" and not standing:
        why = "; ".join(rejected) or "none given"
        return Ruling("cannot_tell", (), f"called met without evidence: {why}", rejected)
    return Ruling(given.verdict, standing, given.reason, rejected)


def majority(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of more than half of the judges; `cannot_tell` when there is none."""
    verdict, count = Counter(verdicts).most_common(1)[0]
    return verdict if count * 2 > len(verdicts) else "cannot_tell"
