"""One weakness that the source shows and a request proves is one finding with all witnesses. Pure.

A request's finding names its handler, and discovery recorded which lines run for that handler. A
finding of a static tool on these lines, of the same family, is the weakness that the request has
shown. A weakness of a whole service (its debugger, its error handler) is shown by any operation.

If it is not clear which of several places a request has shown, all findings stay: a weakness that
is reported twice is better than a weakness that is lost.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contract.analysis import Category, Confidence, Finding, Severity
from contract.families import INJECTIONS, SERVICE_WIDE, family_of
from contract.identity import joined_aliases
from reports.attempts import of_all_attempts
from reports.model import CellReport
from reports.places import HandlerKey, Place, Places
from reports.reach import Reach, reach_of

_SEVERITIES = {severity: rank for rank, severity in enumerate(Severity)}
_CONFIDENCES = {confidence: rank for rank, confidence in enumerate(Confidence)}
_MAX_MESSAGE, _MAX_EVIDENCE = 4_000, 2_000
_NAMED_OPERATIONS = 5


def together(findings: Iterable[Finding], cells: Sequence[CellReport]) -> list[Finding]:
    """The findings of one app; a finding of its source and the requests that show it are joined.

    Args:
        findings: of all its analyzers, fused or not.
        cells: of the same app; their data says what runs for a handler.
    """
    rest: list[Finding] = []
    sources: list[Finding] = []
    requests: list[Finding] = []
    for found in findings:
        place = found.location
        if found.category is not Category.SECURITY or not found.cwe:
            rest.append(found)
        elif place.method:
            requests.append(found)
        else:
            (sources if place.path and place.line else rest).append(found)
    sources = of_all_attempts(sources)
    if not sources or not requests:
        return [*sources, *requests, *rest]
    reach = reach_of(cells)
    matching = _Matching(Places(sources, reach), reach, _inputs(requests))
    alone = matching.match(requests)
    return [*(_joined(place) for place in matching.places), *alone, *rest]


@dataclass(frozen=True, slots=True)
class _Matching:
    """Finds the weakness in the source that a request has shown.

    Attributes:
        inputs: the inputs at fault, for each handler.
    """

    places: Places
    reach: Reach
    inputs: dict[HandlerKey, set[str]]

    def match(self, requests: Iterable[Finding]) -> list[Finding]:
        """Add every finding of a request to its place; answers those that have no place."""
        alone: list[Finding] = []
        # A finding that names its input fits fewer places, so it chooses first.
        for found in sorted(requests, key=lambda request: not request.location.parameter):
            place = self._place_of(found)
            if place is None:
                alone.append(found)
            else:
                place.shown.append(found)
                place.inputs.setdefault(_handler(found), _plain(found.location.parameter))
        return alone

    def _place_of(self, found: Finding) -> Place | None:
        families, spans = family_of(found), self.reach.of(found)
        own = self._fitting(found, self.places.within(families, spans[:1]))
        if own:
            return own[0]
        called = self._fitting(found, self.places.within(families, spans[1:]))
        if len(called) == 1:
            return called[0]
        if SERVICE_WIDE.isdisjoint(families) or not found.location.path:
            return None
        wide = [
            place
            for place in self.places.of(families)
            if not place.handled and self.reach.same_service(place.found, found)
        ]
        return wide[0] if len(wide) == 1 else None

    def _fitting(self, found: Finding, here: list[Place]) -> list[Place]:
        """Places that the request may have shown.

        A place that names another input of the handler, and not this input, is another weakness. A
        place that names no input belongs to the first request that has shown it. A request without
        an input shows no place with a path: that path begins at an input.
        """
        name = _plain(found.location.parameter)
        if not name and not INJECTIONS.isdisjoint(family_of(found)):
            return [place for place in here if not place.steps]
        handler = _handler(found)
        others = self.inputs[handler] - {name}
        sure = [place for place in here if name and name in place.words]
        return sure or [
            place
            for place in here
            if place.inputs.get(handler, name) == name and others.isdisjoint(place.words)
        ]


def _inputs(requests: Iterable[Finding]) -> dict[HandlerKey, set[str]]:
    """Inputs that were found at fault, by handler and family."""
    names: defaultdict[HandlerKey, set[str]] = defaultdict(set)
    for found in requests:
        names[_handler(found)].add(_plain(found.location.parameter))
    return names


def _handler(found: Finding) -> HandlerKey:
    return found.location.path, found.location.line, family_of(found)


def _plain(parameter: str | None) -> str:
    """The last part of `user.name` or `user[name]`."""
    parts = [part for part in re.split(r"[.\[\]]+", parameter or "") if part]
    return parts[-1] if parts else ""


def _joined(place: Place) -> Finding:
    """The source's finding with the operation that shows it.

    The rule and the message are the source's, unless its tool itself doubts the finding.
    """
    source = place.found
    if not place.shown:
        return source
    shown = sorted(place.shown, key=lambda finding: _SEVERITIES[finding.severity])
    proof = shown[0]
    believed = source.confidence is not Confidence.LOW
    first = source if believed else proof
    everything = [source, *shown]
    graded = everything if believed else shown
    operation = {name: getattr(proof.location, name) for name in ("method", "url", "parameter")}
    return first.model_copy(
        update={
            "tool": "fused",
            "message": _message(first, shown),
            "severity": min((finding.severity for finding in graded), key=_SEVERITIES.__getitem__),
            "confidence": _confidence(source, shown),
            "cwe": tuple(dict.fromkeys(cwe for finding in everything for cwe in finding.cwe)),
            "location": source.location.model_copy(update=operation),
            "fingerprint": source.fingerprint,
            "aliases": joined_aliases(source, shown),
            "shape": source.shape,
            "witnesses": _witnesses(everything),
            "evidence": f"{source.evidence}\n\n{proof.evidence}".strip()[:_MAX_EVIDENCE],
        }
    )


def _witnesses(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for finding in findings for name in finding.witnesses))


def _confidence(source: Finding, shown: Sequence[Finding]) -> Confidence:
    """Source and request agree: high, unless the request itself was a guess."""
    best = min((finding.confidence for finding in shown), key=_CONFIDENCES.__getitem__)
    return source.confidence if best is Confidence.LOW else Confidence.HIGH


def _message(first: Finding, shown: Sequence[Finding]) -> str:
    """The weakness, the request that shows it, and other operations where it was seen."""
    proof = shown[0]
    texts = [first.message] if first is proof else [first.message, f"Shown: {proof.message}"]
    also = dict.fromkeys(name for name in map(_operation, shown) if name != _operation(proof))
    if also:
        more = f" and {len(also) - _NAMED_OPERATIONS} more" if len(also) > _NAMED_OPERATIONS else ""
        texts.append(f"Also at {', '.join(list(also)[:_NAMED_OPERATIONS])}{more}")
    return ". ".join(text.rstrip(". ") for text in texts)[:_MAX_MESSAGE]


def _operation(found: Finding) -> str:
    place = found.location
    return f"{place.method} {place.url}" + (f" ({place.parameter})" if place.parameter else "")
