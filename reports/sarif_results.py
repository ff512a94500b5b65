"""Results in SARIF logs: what was found, where, and how it is known again in the next scan."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import Confidence, Finding, Location
from contract.identity import version_of
from reports.sarif_rules import LEVELS, SEVERITY_RANK, RuleName, described, rule_name, with_tool
from reports.sarif_text import cleaned, is_within, plain, relative_uri

SOURCE_ROOT = "SRCROOT"
MAX_RESULTS = 25_000
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 50.0, Confidence.LOW: 10.0}
_LINE_HASH = "primaryLocationLineHash"
_MAX_LINE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Style:
    """How results are written.

    Attributes:
        main_file: file of the app that takes the findings for which no file is known; empty: the
            app has none.
        every_tool: findings of all tools are in one run.
        complete: each result has a file and a line, or it is left out, and its message says all
            that is known, because the reader shows nothing else.
    """

    main_file: str = ""
    every_tool: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """`rules` and `results` of a run; `cuts` says which of its findings are not among them."""

    rules: list[dict[str, Any]]
    results: list[dict[str, Any]]
    cuts: list[str]


def results_of(
    findings: Sequence[Finding], style: Style, max_results: int = MAX_RESULTS
) -> Results:
    """`findings` as results of a run: only the gravest, if there are more than `max_results`."""
    placed = [finding for finding in findings if _has_place(finding, style)]
    kept = placed
    if len(placed) > max_results:
        kept = sorted(placed, key=lambda finding: SEVERITY_RANK[finding.severity])[:max_results]
    names = {index: _named(finding, style) for index, finding in enumerate(kept)}
    of_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for index, finding in enumerate(kept):
        of_rule[names[index].id].append(finding)
    first = {name.id: name for name in reversed(names.values())}
    places = {rule: place for place, rule in enumerate(of_rule)}
    hashes = _hashes(kept, [name.id for name in names.values()])
    return Results(
        rules=[described(first[rule], mine) for rule, mine in of_rule.items()],
        results=[
            _result(finding, names[index].id, places[names[index].id], hashes[index], style)
            for index, finding in enumerate(kept)
        ],
        cuts=_cuts(len(findings), len(placed), len(kept)),
    )


def _has_place(finding: Finding, style: Style) -> bool:
    """Whether a reader can show the finding: a complete style needs a file."""
    return not style.complete or bool(_path(finding.location, style))


def _named(finding: Finding, style: Style) -> RuleName:
    name = rule_name(finding)
    return with_tool(name) if style.every_tool else name


def _cuts(found: int, placed: int, kept: int) -> list[str]:
    cuts: list[str] = []
    if placed < found:
        lost = f"{found - placed:,} of {found:,} findings"
        cuts.append(f"left out: {lost}, no file is known to exist for them")
    if kept < placed:
        cuts.append(f"cut: the gravest {kept:,} of {placed:,} findings are listed")
    return cuts


def _result(
    finding: Finding, rule_id: str, rule_index: int, line_hash: str, style: Style
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": rule_id,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "kind": "fail",
        "rank": _RANKS[finding.confidence],
        "message": {"text": _message(finding, style)},
        "partialFingerprints": {_LINE_HASH: line_hash},
        "properties": {
            "severity": finding.severity.value,
            "witnesses": [cleaned(name) for name in dict.fromkeys(finding.witnesses)],
        },
    }
    if place := _location(finding.location, style):
        result["locations"] = [place]
    if finding.fingerprint:
        key = f"assay/v{version_of(finding.fingerprint)}"  # versions are not comparable
        result["partialFingerprints"][key] = cleaned(finding.fingerprint)
    if finding.location.url:
        result["webRequest"] = {
            "method": cleaned(finding.location.method or "GET"),
            "target": cleaned(finding.location.url),
        }
    return result


def _message(finding: Finding, style: Style) -> str:
    message = finding.message.strip() or finding.rule_id.strip() or "found"
    if not style.complete:
        return plain(message)
    parts = [message if message[-1] in ".!?" else f"{message}."]
    if finding.location.url:
        parts.append(f"At {_operation(finding.location)}.")
    if finding.witnesses:
        parts.append(f"Seen by {', '.join(dict.fromkeys(finding.witnesses))}.")
    return plain(" ".join(parts))


def _operation(location: Location) -> str:
    parameter = f", parameter {location.parameter}" if location.parameter else ""
    return f"{location.method or 'GET'} {location.url}{parameter}"


def _path(location: Location, style: Style) -> str:
    """The file that a finding is put in; empty where none is known to exist."""
    return location.path if location.path and is_within(location.path) else style.main_file


def _location(location: Location, style: Style) -> dict[str, Any]:
    place: dict[str, Any] = {}
    if path := _path(location, style):
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": relative_uri(path), "uriBaseId": SOURCE_ROOT}
        }
        if region := _region(location, path == location.path, style.complete):
            physical["region"] = region
        place["physicalLocation"] = physical
    if location.url:
        name = cleaned(f"{location.method or 'GET'} {location.url}")
        place["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    return place


def _region(location: Location, exact: bool, needed: bool) -> dict[str, int]:
    line = location.line
    if not exact or not line or line > _MAX_LINE:
        return {"startLine": 1} if needed else {}
    region = {"startLine": line}
    if location.end_line and line <= location.end_line <= _MAX_LINE:
        region["endLine"] = location.end_line
    if location.column and location.column <= _MAX_LINE:
        region["startColumn"] = location.column
    return region


def _hashes(findings: Sequence[Finding], rules: Sequence[str]) -> list[str]:
    """A text for each result that no other result has, the same in this scan and the next ones.

    Findings on equal lines of a file have equal fingerprints; a number tells them apart, counted
    from the top of the file to its bottom.
    """
    bases = [_base(found, rule) for found, rule in zip(findings, rules, strict=True)]
    seen: Counter[str] = Counter()
    hashes = [""] * len(bases)
    for index in sorted(range(len(bases)), key=lambda index: _from_top(findings[index].location)):
        seen[bases[index]] += 1
        hashes[index] = f"{bases[index]}:{seen[bases[index]]}"
    return hashes


def _base(finding: Finding, rule: str) -> str:
    place = finding.location
    known = finding.fingerprint or finding.message
    parts = (rule, place.path, place.method, place.url, place.parameter, known)
    text = "\0".join(part or "" for part in parts)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _from_top(place: Location) -> tuple[int, int, int]:
    return place.line or 0, place.column or 0, place.end_line or 0
