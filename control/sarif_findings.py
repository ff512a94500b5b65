"""What a SARIF log of another scanner says, as the report of a further tool. Pure.

Nothing of it was measured here: state and coverage are as told by the log's author, and a log that
does not say what was looked at is no measurement.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from clients.sarif_log import SarifRun
from contract.analysis import (
    Category,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Provenance,
    Severity,
    Skipped,
    ToolReport,
)
from contract.spec import AppRef
from control.sarif_places import Places

PREFIX = "sarif-"
TOLD = "state and coverage are as told by its author"
_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_CWE = re.compile(r"(?:^|[^a-z])cwe[-/_: ]?0*(\d{1,5})(?!\d)", re.IGNORECASE)
_NAMED = 50
_NOWHERE = "in no file of this app"
_MAX_LINE = 2**31 - 1


class UnknownLevelError(ValueError):
    """A level that SARIF does not have."""


def tool_name(driver: Mapping[str, Any], asked: str = "") -> str:
    """Name of the further tool: `sarif-codeql`."""
    words = re.findall(r"[a-z0-9.]+", (asked or str(driver.get("name") or "")).lower())
    return f"{PREFIX}{'-'.join(words)[:80] or 'unnamed'}"


def tool_report(
    tool: str, runs: Sequence[SarifRun], files: Collection[str], ref: AppRef
) -> ToolReport:
    """The cell of one tool, from all its runs in a log.

    Args:
        tool: its name.
        runs: those of this tool.
        files: relative paths of the app's files.
        ref: the app.

    Raises:
        UnknownLevelError: a result has a level that SARIF does not know.
    """
    version = str(runs[0].driver.get("semanticVersion") or runs[0].driver.get("version") or "")
    if why := _why_not_measured(runs):
        return _not_measured(tool, version, why)
    findings: list[Finding] = []
    odd: list[Skipped] = []
    named: set[str] = set()
    for run in runs:
        results = run.results or []
        places = Places.of(files, filter(None, map(_uri, results)), ref)
        for result in results:
            found = _finding(tool, run, result, places)
            named.update(filter(None, [found.location.path]))
            why = _aside(result) or ("" if found.location.path else _NOWHERE)
            if why:
                odd.append(Skipped(what=found.rule_id[:200], reason=why))
            else:
                findings.append(found)
    if not named and odd:
        return _not_measured(tool, version, "none of its results is in a file of this app")
    reached = max(sum(run.files for run in runs), len(named))
    return ToolReport(
        tool=tool,
        version=version[:120],
        state=MeasurementState.MEASURED,
        coverage=Coverage(
            unit="files",
            reached=reached,
            skipped=tuple(odd[:_NAMED]),
            skipped_total=len(odd),
        ),
        findings=tuple(findings),
        provenance=Provenance(notes=(TOLD, *_notes(odd))),
        looks_for=_looks_for(runs, findings),
        imported=True,
    )


def _not_measured(tool: str, version: str, why: str) -> ToolReport:
    return ToolReport(
        tool=tool,
        version=version[:120],
        state=MeasurementState.INFRA_FAILED,
        reason=why,
        imported=True,
    )


def _why_not_measured(runs: Sequence[SarifRun]) -> str:
    if any(run.successful is False for run in runs):
        return "its log says that it did not end successfully"
    if any(run.results is None for run in runs):
        return "its log has no results: nothing was searched for (SARIF 2.1.0, 3.14.23)"
    if not any(run.files or run.results for run in runs):
        return "its log does not say what it looked at: no result, and no list of files"
    return ""


def _aside(result: Mapping[str, Any]) -> str | None:
    """Why a result is no finding; None: it is one."""
    kind = result.get("kind", "fail")
    if kind != "fail":
        return f"its author says {str(kind)[:40]}"
    if result.get("baselineState") == "absent":
        return "its author says it is absent"
    decisions = result.get("suppressions")
    if isinstance(decisions, list) and any(
        isinstance(one, dict) and one.get("status", "accepted") == "accepted" for one in decisions
    ):
        return "its author suppressed it"
    return None


def _notes(odd: Sequence[Skipped]) -> Iterator[str]:
    lost = sum(skipped.reason == _NOWHERE for skipped in odd)
    if lost:
        yield f"{lost} results are in no file of this app"


def _finding(tool: str, run: SarifRun, result: Mapping[str, Any], places: Places) -> Finding:
    rule = _rule(run, result)
    rule_id = str(result.get("ruleId") or rule.get("id") or "unnamed")
    location, snippet = _location(result, places)
    message = _text(result.get("message")) or _text(rule.get("shortDescription")) or rule_id
    return Finding(
        tool=tool,
        rule_id=rule_id[:200],
        message=message[:4_000],
        severity=_severity(result, rule),
        category=_category(result, rule),
        cwe=_cwe(result, rule),
        location=location,
        witnesses=(f"{tool}:{rule_id[:200]}",),
        evidence=snippet[:2_000],
    )


def _category(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Category:
    """Security where the rule or the result says so: by a weakness, a score, or the word."""
    properties = [_members(owner.get("properties")) for owner in (result, rule)]
    tags = [tag for own in properties if isinstance(tag := own.get("tags"), list)]
    named = any(str(tag).lower() == "security" for group in tags for tag in group)
    scored = any("security-severity" in own for own in properties)
    return Category.SECURITY if named or scored or _cwe(result, rule) else Category.QUALITY


def _looks_for(runs: Sequence[SarifRun], findings: Sequence[Finding]) -> tuple[Category, ...]:
    """What its rules and its results are about."""
    about = {found.category for found in findings}
    about |= {_category({}, rule) for run in runs for rule in run.rules}
    return tuple(category for category in Category if category in about)


def _rule(run: SarifRun, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule of a result: by its index, else by its ID (3.27.5 to 3.27.7)."""
    given = result.get("rule")
    reference = given if isinstance(given, dict) else {}
    index = result.get("ruleIndex", reference.get("index"))
    rule_id = result.get("ruleId") or reference.get("id")
    if isinstance(index, int) and 0 <= index < len(run.rules):
        found = run.rules[index]
        if not rule_id or str(rule_id).startswith(str(found.get("id"))):
            return found
    return next((rule for rule in run.rules if rule.get("id") == rule_id), {})


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    """GitHub's `security-severity` of the rule where it is given, else the level (3.27.10)."""
    for owner in (result, rule):
        score = _number(_members(owner.get("properties")).get("security-severity"))
        if score is not None and score > 0:
            return next((level for least, level in _SCORES if score >= least), Severity.LOW)
    default = _members(rule.get("defaultConfiguration")).get("level", "warning")
    level = result.get("level", default)
    if not isinstance(level, str) or level not in _LEVELS:
        raise UnknownLevelError(f"{str(level)[:40]!r} is no level of SARIF")
    return _LEVELS[level]


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _cwe(result: Mapping[str, Any], rule: Mapping[str, Any]) -> tuple[int, ...]:
    texts: list[str] = []
    for owner in (result, rule):
        tags = _members(owner.get("properties")).get("tags")
        texts += [str(tag)[:200] for tag in tags] if isinstance(tags, list) else []
        cwe = _members(owner.get("properties")).get("cwe")
        texts += [str(one)[:200] for one in (cwe if isinstance(cwe, list) else [cwe])]
    for reference in _references(result, rule):
        component = _members(reference.get("toolComponent")).get("name", "")
        if str(component).upper() == "CWE":
            texts.append(f"CWE-{str(reference.get('id')).upper().removeprefix('CWE-')}")
    return tuple(
        dict.fromkeys(
            number for text in texts for match in _CWE.findall(text) if (number := int(match))
        )
    )


def _references(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Taxa of a result (3.27.8) and targets of its rule's relationships (3.49.15)."""
    for taxon in _items(result.get("taxa")):
        yield _members(taxon)
    for relation in _items(rule.get("relationships")):
        yield _members(_members(relation).get("target"))


def _location(result: Mapping[str, Any], places: Places) -> tuple[Location, str]:
    """Where a result is, and its code; a place in no file of the app is none."""
    physical = _physical(result)
    uri = _uri(result)
    path = places.file(uri) if uri else None
    region = _members(physical.get("region"))
    snippet = _text(region.get("snippet"))
    if path is None:
        return Location(), snippet
    line = _positive(region.get("startLine"))
    end = _positive(region.get("endLine"))
    return Location(
        path=path,
        line=line,
        end_line=end if line and end and end >= line else None,
        column=_positive(region.get("startColumn")) if line else None,
    ), snippet


def _physical(result: Mapping[str, Any]) -> dict[str, Any]:
    """The first location; one result is one finding."""
    locations = result.get("locations")
    first = _members(locations[0]) if isinstance(locations, list) and locations else {}
    return _members(first.get("physicalLocation"))


def _uri(result: Mapping[str, Any]) -> str:
    uri = _members(_physical(result).get("artifactLocation")).get("uri")
    return uri if isinstance(uri, str) else ""


def _positive(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_LINE:
        return value
    return None


def _text(message: object) -> str:
    if not isinstance(message, dict):
        return ""
    return str(message.get("text") or message.get("markdown") or "")


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _members(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
