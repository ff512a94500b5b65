"""Rules in SARIF logs: described by what is known of them, never by what a finding's message says.

A message may quote the app: a secret, or text that somebody chose. A rule is shown by its name
wherever a log is read, and is to be the same in each scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import Category, Confidence, Finding, Severity
from reports.cwe import Weakness, weakness
from reports.sarif_text import identifier, is_worded, pascal_case, plain, sentence
from reports.tool_pages import TOOL_PAGES

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}
MAX_TAGS = 20
FUSED = "fused"
# What GitHub code scanning sorts by; the middle of CVSS 3's bands. Notes have none.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
_PROBLEM_SEVERITY = {"error": "error", "warning": "warning", "note": "recommendation"}
_CONFIDENCES = list(Confidence)
_KINDS = {
    Category.SECURITY: "a weakness of security",
    Category.QUALITY: "a matter of code quality",
    Category.ACCESSIBILITY: "a barrier for people with disabilities",
    Category.REQUIREMENT: "a requirement that is not met",
}


@dataclass(frozen=True, slots=True)
class RuleName:
    """A rule and the tool that has it; `id` is the rule's ID in a log."""

    tool: str
    rule: str
    id: str


def rule_name(finding: Finding) -> RuleName:
    """The rule that a finding is reported under.

    A fused finding took its rule from one of its witnesses. The name of that tool stands before
    the rule, since two tools may use one name for different rules.
    """
    if finding.tool != FUSED:
        return RuleName(finding.tool, finding.rule_id, identifier(finding.rule_id))
    seen = [witness.partition(":")[::2] for witness in finding.witnesses]
    own = [pair for pair in seen if pair[1] == finding.rule_id]
    tool, rule = (own or seen or [("assay", finding.rule_id)])[0]
    return with_tool(RuleName(tool, rule, ""))


def with_tool(name: RuleName) -> RuleName:
    """The same rule with its tool in its ID, as other tools may have a rule of that name."""
    return RuleName(name.tool, name.rule, identifier(f"{name.tool}:{name.rule}"))


def described(name: RuleName, findings: Sequence[Finding]) -> dict[str, Any]:
    """A rule as a `reportingDescriptor`.

    Args:
        name: of the rule.
        findings: all that a run has of it; the gravest decides how grave the rule is.
    """
    gravest = min(findings, key=lambda finding: SEVERITY_RANK[finding.severity])
    known = next((found for found in map(weakness, gravest.cwe) if found), None)
    level = LEVELS[gravest.severity]
    lines = _help(name.tool, known)
    rule: dict[str, Any] = {
        "id": name.id,
        "shortDescription": {"text": plain(_title(name, known), 255)},
        "fullDescription": {"text": plain(_explanation(name, gravest.category, known), 1_000)},
        "help": {
            "text": plain("\n".join(lines), 1_000),
            "markdown": "\n\n".join(lines),
        },
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": _tags(gravest.category, findings),
            "precision": _surest(findings).value,
            "problem.severity": _PROBLEM_SEVERITY[level],
        },
    }
    called = pascal_case(name.rule if is_worded(name.rule) or not known else known.name)
    if called and called.casefold() != name.id.casefold():
        rule["name"] = called
    if page := known.page if known else TOOL_PAGES.get(name.tool):
        rule["helpUri"] = page
    if gravest.category is Category.SECURITY and gravest.severity in _SECURITY_SEVERITY:
        rule["properties"]["security-severity"] = _SECURITY_SEVERITY[gravest.severity]
    return rule


def _surest(findings: Sequence[Finding]) -> Confidence:
    """The highest confidence of the findings."""
    return min((finding.confidence for finding in findings), key=_CONFIDENCES.index)


def _title(name: RuleName, known: Weakness | None) -> str:
    return f"{known.name if known else sentence(name.rule)} ({name.tool} {identifier(name.rule)})"


def _explanation(name: RuleName, category: Category, known: Weakness | None) -> str:
    text = f"What the rule {identifier(name.rule)} of {name.tool} reports is {_KINDS[category]}"
    if not known:
        return f"{text}."
    return f"{text}: CWE-{known.number}, {known.title}. {known.description}"


def _help(tool: str, known: Weakness | None) -> list[str]:
    """Lines without anything that an app under test has chosen."""
    lines = ["The message of each result says what was seen, and its location where it was seen."]
    if known and known.mitigation:
        lines.append(known.mitigation)
    if known:
        lines.append(f"More about this weakness: {known.page}")
    if page := TOOL_PAGES.get(tool):
        lines.append(f"What {tool} looks for: {page}")
    return lines


def _tags(category: Category, findings: Sequence[Finding]) -> list[str]:
    cwes = sorted({cwe for finding in findings for cwe in finding.cwe})
    return [category.value, *(f"external/cwe/cwe-{cwe:03d}" for cwe in cwes)][:MAX_TAGS]
