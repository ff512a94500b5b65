"""Every rule of our own probes, with severity, confidence and CWE: an unknown rule is an error."""

from collections.abc import Mapping
from dataclasses import dataclass

from analyzers.runtime.grades import Grades
from contract.analysis import Category, Confidence, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """The worth of a rule's findings."""

    severity: Severity
    confidence: Confidence
    cwe: tuple[int, ...]
    category: Category = Category.SECURITY


def grades_of(called: str, *tables: Mapping[str, Rule]) -> Grades:
    """The severities of these tables, as a tool declares them."""
    return Grades(called, {name: it.severity for table in tables for name, it in table.items()})


def rule(severity: str, confidence: str, *cwe: int, category: str = "security") -> Rule:
    """A rule's worth from plain words; an unknown word is a ValueError."""
    return Rule(Severity(severity), Confidence(confidence), cwe, Category(category))


RULES: dict[str, Rule] = {
    # http-headers
    "missing-csp": rule("low", "high", 1021, 693),
    "csp-unsafe": rule("low", "high", 693),
    "missing-frame-protection": rule("low", "high", 1021),
    "missing-nosniff": rule("low", "high", 693),
    "missing-referrer-policy": rule("info", "high", 200),
    "missing-hsts": rule("low", "high", 319),
    "server-version-disclosed": rule("info", "high", 200),
    "cookie-without-httponly": rule("medium", "high", 1004),
    "cookie-without-samesite": rule("low", "high", 1275),
    "cookie-without-secure": rule("low", "medium", 614),
    "cors-any-origin-with-credentials": rule("high", "high", 942),
    "cors-null-origin-with-credentials": rule("medium", "high", 942),
    "cors-any-origin": rule("info", "high", 942),
    # exposed-files
    "exposed-secret-file": rule("critical", "high", 538, 200),
    "exposed-version-control": rule("high", "high", 527),
    "exposed-backup": rule("high", "high", 530),
    "exposed-source": rule("medium", "high", 540),
    "exposed-database": rule("critical", "high", 538),
    "exposed-debug-endpoint": rule("high", "high", 489),
    "directory-listing": rule("medium", "high", 548),
    # error-pages
    "stack-trace": rule("medium", "high", 209),
    "interactive-debugger": rule("critical", "high", 489, 94),
    "debug-error-page": rule("high", "high", 489, 209),
    "server-error": rule("low", "high", 755, category="quality"),
    # injection
    "reflected-xss": rule("high", "high", 79),
    "stored-xss": rule("high", "high", 79),
    "sql-injection": rule("critical", "high", 89),
    "sql-injection-login-bypass": rule("critical", "high", 89, 287),
    "command-injection": rule("critical", "high", 78),
    "code-injection": rule("critical", "high", 94, 95),
    "template-injection": rule("critical", "high", 1336),
    "path-traversal": rule("high", "high", 22),
    "open-redirect": rule("medium", "high", 601),
    "ssrf": rule("high", "high", 918),
    # access-control
    "object-read-by-other-user": rule("high", "high", 639),
    "object-write-by-other-user": rule("high", "high", 639),
    "object-delete-by-other-user": rule("high", "high", 639),
    "missing-authentication": rule("high", "high", 306),
    "mass-assignment": rule("high", "high", 915),
    "jwt-alg-none": rule("critical", "high", 347),
    "jwt-signature-ignored": rule("critical", "high", 347),
    "jwt-weak-secret": rule("critical", "high", 1391, 798),
    "login-without-throttle": rule("low", "medium", 307),
    # browser
    "console-error": rule("low", "high", 755, category="quality"),
    "page-error": rule("medium", "high", 755, category="quality"),
    "failed-request": rule("low", "high", category="quality"),
    "mixed-content": rule("medium", "high", 311),
    # ports
    "open-database-port": rule("medium", "high", 668),
    "open-port": rule("info", "high", 668),
}
PROBES = grades_of("rule", RULES)
