"""Findings about HTTP operations: one maker, one fingerprint, for all tools of this service."""

import re
from collections.abc import Mapping, Sequence

from analyzers.dynamic.rules import RULES, Rule
from analyzers.runtime.tool import ToolFault
from contract.analysis import Category, Finding, Location
from contract.families import families_of
from contract.identity import fingerprint

_ID_SEGMENT = re.compile(
    r"(?<=/)(\d+|[0-9a-f]{24}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?=/|$)",
    re.IGNORECASE,
)
# CWE numbers do not distinguish a missing policy from a useless one, nor an echo from stored
# content, and put several headers under one number.
_KINDS = {
    "stored-xss": "stored-xss",
    "stored-cross-site-scripting": "stored-xss",
    "interactive-debugger": "debugger",
    "missing-csp": "csp",
    "csp-unsafe": "csp",
    "content-security-policy-configuration": "csp",
    "missing-referrer-policy": "referrer-policy",
    "server-version-disclosed": "server-version",
    "missing-hsts": "hsts",
    "http-strict-transport-security-hsts": "hsts",
    "cors-any-origin": "cors",
    "cors-any-origin-with-credentials": "cors",
    "cors-null-origin-with-credentials": "cors",
}
_SETTINGS = frozenset({1021, 693, 1004, 614, 1275})  # framing, sniffing, flags of cookies
_SERVICE_WIDE = frozenset(
    {"csp", "debugger", "referrer-policy", "server-version", "hsts", "cors"}
    | {f"cwe-{number}" for number in _SETTINGS}
)


def stable_path(path: str) -> str:
    """`path` without query, with ids as `{id}` and every route parameter under that one name.

    >>> stable_path("/notes/17?x=1"), stable_path("/notes/{note_id}")
    ('/notes/{id}', '/notes/{id}')
    """
    bare = path.split("?")[0].split("#")[0] or "/"
    return _ID_SEGMENT.sub("{id}", re.sub(r"\{[^/}]*\}", "{id}", bare))


def kind_of(rule_id: str, cwe: Sequence[int], category: Category, parameter: str) -> str:
    """What a finding says, in no tool's words.

    The family of the weakness where an input is at fault; elsewhere two rules are two weaknesses,
    because their tool distinguishes them.
    """
    if known := _KINDS.get(rule_id):
        return known
    number = next(iter(cwe), 0)
    if number in _SETTINGS:
        return f"cwe-{number}"
    by_family = category is Category.SECURITY and parameter and number
    return min(families_of((number,))) if by_family else rule_id


def is_setting(kind: str) -> bool:
    """Whether it is one setting of a service, on whichever page it was seen."""
    return kind in _SERVICE_WIDE


def fingerprint_http(service: str, kind: str, method: str, path: str, parameter: str = "") -> str:
    """Identity of a finding across runs and tools: never host, port, ids or values."""
    where = ("", "") if is_setting(kind) else (method.upper(), stable_path(path))
    return fingerprint("http", service, kind, *where, parameter)


def worth_of(rules: Mapping[str, Rule], key: str, called: str) -> Rule:
    """The worth of a finding of `key`; `called` names it in the fault.

    Raises:
        ToolFault: nobody has decided its severity.
    """
    if key not in rules:
        raise ToolFault(f"{called} {key!r} has no severity")
    return rules[key]


def make_finding(
    tool: str,
    rule_id: str,
    message: str,
    *,
    service: str,
    method: str = "GET",
    path: str = "/",
    parameter: str = "",
    evidence: str = "",
    source: tuple[str, int] | None = None,
    worth: Rule | None = None,
    witness: str = "",
) -> Finding:
    """The finding of a tool at one operation.

    Args:
        tool: the tool that reports it.
        rule_id: the tool's rule; for our own probes a key of `RULES`.
        message: one sentence for a person, cut at 4,000 characters.
        service: compose service the operation belongs to.
        method: HTTP method.
        path: path; query and ids are left out of the identity.
        parameter: name of the query, form, JSON or path parameter, cookie or header at fault.
        evidence: proof, cut at 2,000 characters.
        source: file and line of the handler, where known.
        worth: severity and the rest, from a tool that is not ours; None: as in `RULES`.
        witness: `tool:rule` in the words of a tool that is not ours; empty: our words.

    Raises:
        ToolFault: `rule_id` has no severity.
    """
    worth = worth or worth_of(RULES, rule_id, f"{tool}: rule")
    kind = kind_of(rule_id, worth.cwe, worth.category, parameter)
    return Finding(
        tool=tool,
        rule_id=rule_id,
        message=message[:4_000],
        severity=worth.severity,
        confidence=worth.confidence,
        category=worth.category,
        cwe=worth.cwe,
        location=Location(
            path=source[0] if source else None,
            line=source[1] if source else None,
            method=method,
            url=stable_path(path),
            parameter=parameter or None,
        ),
        fingerprint=fingerprint_http(service, kind, method, path, parameter),
        witnesses=(witness or f"{tool}:{rule_id}",),
        evidence=printable(evidence)[:2_000],
    )


def printable(text: str) -> str:
    """`text` with control characters other than line breaks and tabs made visible."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda char: f"\\x{ord(char.group()):02x}", text)


def unique(findings: list[Finding]) -> tuple[Finding, ...]:
    """The first finding of each identity and operation, in order."""
    known = {(found.fingerprint, found.location): found for found in reversed(findings)}
    return tuple(known.values())[::-1]
