"""Results in SARIF logs: what was found, where, and how it is known again in the next scan."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import Confidence, Finding, Location
from contract.identity import version_of
from contract.weakness import BaselineState, Suppression, Weakness
from reports.sarif_rules import LEVELS, SEVERITY_RANK, RuleName, described, rule_name, with_tool
from reports.sarif_text import cleaned, is_within, plain, relative_uri

SOURCE_ROOT = "SRCROOT"
MAX_RESULTS = 25_000
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 50.0, Confidence.LOW: 10.0}
_LINE_HASH = "primaryLocationLineHash"
_MAX_LINE = 2**31 - 1
_STATES = {
    BaselineState.NEW: "new",
    BaselineState.UNCHANGED: "unchanged",
    BaselineState.FIXED: "absent",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How results are written.

    Attributes:
        main_file: file of the app that takes the findings for which no file is known; empty: the
            app has none.
        every_tool: findings of all tools are in one run.
        complete: each result has a file and a line, or it is left out, and its message says all
            that is known, because the reader shows nothing else.
        decided: each result says whether a decision suppresses it.
        compared: each result has a `baselineState`: SARIF wants it on all results of a run or on
            none (2.1.0, 3.27.24).
        folder: the app's folder below the one that paths are relative to; empty: the same.
    """

    main_file: str = ""
    every_tool: bool = False
    complete: bool = False
    decided: bool = False
    compared: bool = False
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """`rules` and `results` of a run; `cuts` says which of its findings are not among them."""

    rules: list[dict[str, Any]]
    results: list[dict[str, Any]]
    cuts: list[str]


def results_of(
    weaknesses: Sequence[Weakness], style: Style, max_results: int = MAX_RESULTS
) -> Results:
    """`weaknesses` as results of a run: only the gravest, if there are more than `max_results`."""
    placed = [one for one in weaknesses if has_place(one.finding, style)]
    kept = placed
    if len(placed) > max_results:
        kept = sorted(placed, key=lambda one: SEVERITY_RANK[one.finding.severity])[:max_results]
    cuts = _cuts(len(weaknesses), len(placed), len(kept))
    return listed([(one, style) for one in kept], cuts)


def listed(kept: Sequence[tuple[Weakness, Style]], cuts: list[str]) -> Results:
    """All of `kept` as results of a run, each in its own style: apps differ in folder and file."""
    findings = [weakness.finding for weakness, _ in kept]
    names = [_named(weakness.finding, style) for weakness, style in kept]
    of_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for name, finding in zip(names, findings, strict=True):
        of_rule[name.id].append(finding)
    first = {name.id: name for name in reversed(names)}
    places = {rule: place for place, rule in enumerate(of_rule)}
    folders = [style.folder for _, style in kept]
    hashes = _hashes(findings, [name.id for name in names], folders)
    return Results(
        rules=[described(first[rule], mine) for rule, mine in of_rule.items()],
        results=[
            _result(weakness, name.id, places[name.id], line_hash, style)
            for (weakness, style), name, line_hash in zip(kept, names, hashes, strict=True)
        ],
        cuts=cuts,
    )


def has_place(finding: Finding, style: Style) -> bool:
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
    weakness: Weakness, rule_id: str, rule_index: int, line_hash: str, style: Style
) -> dict[str, Any]:
    finding = weakness.finding
    result: dict[str, Any] = {
        "ruleId": rule_id,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "kind": "fail",
        "rank": _RANKS[finding.confidence],
        "message": {"text": _message(finding, style)},
        "partialFingerprints": {_LINE_HASH: line_hash},
        "properties": _properties(weakness),
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
    if style.decided:
        decision = weakness.suppression
        result["suppressions"] = [_suppression(decision)] if decision else []
    if style.compared and weakness.baseline:
        result["baselineState"] = _STATES[weakness.baseline]
    return result


def _properties(weakness: Weakness) -> dict[str, Any]:
    """What SARIF has no word for."""
    finding = weakness.finding
    known: dict[str, Any] = {
        "severity": finding.severity.value,
        "witnesses": [cleaned(name) for name in dict.fromkeys(finding.witnesses)],
    }
    if weakness.family:
        known["family"] = cleaned(weakness.family)
        known["origin"] = weakness.origin.value
    if weakness.owasp:
        known["owasp"] = list(weakness.owasp)
    if weakness.baseline:
        known["baseline"] = weakness.baseline.value
    return known


def _suppression(decision: Suppression) -> dict[str, Any]:
    """A decision (3.35); it is kept outside of the source, and somebody has made it."""
    until = {"until": decision.until.isoformat()} if decision.until else {}
    return {
        "kind": "external",
        "status": "accepted",
        "justification": cleaned(decision.why),
        "properties": {"who": cleaned(decision.who), **until},
    }


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


def _uri(path: str, style: Style) -> str:
    return relative_uri(f"{style.folder}/{path}" if style.folder else path)


def _location(location: Location, style: Style) -> dict[str, Any]:
    place: dict[str, Any] = {}
    if path := _path(location, style):
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": _uri(path, style), "uriBaseId": SOURCE_ROOT}
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


def _hashes(findings: Sequence[Finding], rules: Sequence[str], folders: Sequence[str]) -> list[str]:
    """A text for each result that no other result has, the same in this scan and the next ones.

    Findings on equal lines of a file have equal fingerprints; a number tells them apart, counted
    from the top of the file to its bottom.
    """
    bases = [_base(*each) for each in zip(findings, rules, folders, strict=True)]
    seen: Counter[str] = Counter()
    hashes = [""] * len(bases)
    for index in sorted(range(len(bases)), key=lambda index: _from_top(findings[index].location)):
        seen[bases[index]] += 1
        hashes[index] = f"{bases[index]}:{seen[bases[index]]}"
    return hashes


def _base(finding: Finding, rule: str, folder: str) -> str:
    place = finding.location
    known = finding.fingerprint or finding.message
    parts = (rule, place.path, place.method, place.url, place.parameter, known)
    text = "\0".join((*([folder] if folder else []), *(part or "" for part in parts)))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _from_top(place: Location) -> tuple[int, int, int]:
    return place.line or 0, place.column or 0, place.end_line or 0
