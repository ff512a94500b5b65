"""Families of weaknesses: for the same flaw, tools often name different, related CWE numbers."""

import re

from contract.analysis import Finding

_MAX_LINE_CHARS = 1_000

FAMILIES: dict[str, frozenset[int]] = {
    "sql-injection": frozenset({89, 564, 943}),
    "command-injection": frozenset({77, 78, 88, 155, 426, 427}),
    "code-injection": frozenset({94, 95, 96, 470}),
    "template-injection": frozenset({1336, 917}),
    "ldap-injection": frozenset({90}),
    "xpath-injection": frozenset({643, 91}),
    "xss": frozenset({79, 80, 83, 87, 116}),
    "path-traversal": frozenset({22, 23, 36, 73, 434}),
    "ssrf": frozenset({918, 441}),
    "open-redirect": frozenset({601}),
    "deserialization": frozenset({502}),
    "xxe": frozenset({611, 776}),
    "prototype-pollution": frozenset({1321}),
    "mass-assignment": frozenset({915}),
    "weak-hash": frozenset({327, 328, 326, 916, 759, 760}),
    "weak-random": frozenset({330, 338, 331, 340}),
    "hard-coded-secret": frozenset({798, 259, 321, 312, 540, 547, 522}),
    "insecure-cookie": frozenset({614, 1004, 1275}),
    "missing-authentication": frozenset({306, 862, 285, 287}),
    "csrf": frozenset({352}),
    "debug-mode": frozenset({489, 215}),
    "error-details": frozenset({209, 210, 211}),
    "cors": frozenset({942, 346}),
    "jwt": frozenset({347, 345}),
    "tls": frozenset({295, 319}),
    "temporary-file": frozenset({377, 378}),
    "regex-dos": frozenset({1333, 185}),
    "resource-exhaustion": frozenset({400, 770}),
    "target-blank": frozenset({1022}),
    "bind-all": frozenset({605, 668}),
    "timing": frozenset({208}),
}
# A value of a request reaches an interpreter. Where two kinds of tools agree, the finding is more
# than a habit of the code.
INJECTIONS = frozenset(
    {"sql-injection", "command-injection", "code-injection", "template-injection"}
    | {"ldap-injection", "xpath-injection", "xss", "path-traversal", "ssrf", "deserialization"}
    | {"xxe", "prototype-pollution"}
)
# One place in the source decides for every operation of its service.
SERVICE_WIDE = frozenset({"debug-mode", "error-details", "cors", "jwt"})


def families_of(cwe: tuple[int, ...]) -> frozenset[str]:
    """Names of the families of these numbers; a number of no family is its own."""
    named = {name for name, numbers in FAMILIES.items() for number in cwe if number in numbers}
    return frozenset(named or {f"cwe-{number}" for number in cwe})


def family_of(found: Finding) -> frozenset[str]:
    """Families of a finding's most specific number, which says what the finding is."""
    return families_of(found.cwe[:1])


def family_name(found: Finding) -> str:
    """The one name of its family: `sql-injection`, `cwe-1188`, or the rule if no CWE is known."""
    return min(family_of(found), default=found.rule_id)


def names_in(text: str) -> frozenset[str]:
    """Words of a line of source that may be an input's name.

    >>> sorted(names_in('term = request.args.get("q-1", "")'))
    ['args', 'get', 'q-1', 'request', 'term']
    """
    return frozenset(re.findall(r"[A-Za-z_][\w-]*", text[:_MAX_LINE_CHARS]))


def path_key(found: Finding) -> str:
    """Key of the lines of a finding's taint path in a tool's `data["paths"]`."""
    place = found.location
    return f"{place.path}:{place.line}:{place.column or 0}:{found.rule_id}"


def old_path_key(found: Finding) -> str:
    """The key that reports of the first version of fingerprints have."""
    return f"{found.fingerprint}:{found.location.line}"
