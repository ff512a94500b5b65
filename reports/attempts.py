"""One weakness that two attempts of an analyzer fused apart from each other is one finding. Pure.

A retry runs only the tools that failed, so its fusion does not see the findings of the others.
"""

from collections import defaultdict
from collections.abc import Iterable

from contract.analysis import Confidence, Finding
from contract.families import family_of
from contract.identity import joined_aliases

_SLACK_LINES = 2
_CONFIDENCES = tuple(Confidence)


def of_all_attempts(sources: Iterable[Finding]) -> list[Finding]:
    """Weaknesses in the source, each once: neighbours of one family are one if no tool saw both.

    A single fusion leaves no such neighbours, so weaknesses that it kept apart stay apart.
    """
    kept: list[Finding] = []
    nearby: defaultdict[tuple[str | None, frozenset[str], int], list[int]] = defaultdict(list)
    for found in sources:
        path, line, families = found.location.path, found.location.line or 0, family_of(found)
        around = range(line - _SLACK_LINES, line + _SLACK_LINES + 1)
        seen = [at for number in around for at in nearby[path, families, number]]
        same = next((at for at in seen if _are_one(kept[at], found)), None)
        if same is None:
            nearby[path, families, line].append(len(kept))
            kept.append(found)
        else:
            kept[same] = _both(kept[same], found)
    return kept


def _are_one(finding: Finding, other: Finding) -> bool:
    fused = finding.tool == other.tool == "fused"
    return fused and bool(_tools(finding)) and _tools(finding).isdisjoint(_tools(other))


def _tools(found: Finding) -> set[str]:
    return {witness.partition(":")[0] for witness in found.witnesses}


def _both(finding: Finding, other: Finding) -> Finding:
    first, second = sorted((finding, other), key=lambda found: _CONFIDENCES.index(found.confidence))
    return first.model_copy(
        update={
            "witnesses": tuple(dict.fromkeys((*first.witnesses, *second.witnesses))),
            "cwe": tuple(dict.fromkeys((*first.cwe, *second.cwe))),
            "aliases": joined_aliases(first, (second,)),
        }
    )
