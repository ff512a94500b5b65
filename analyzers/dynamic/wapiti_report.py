"""What a wapiti report means: categories, severities, findings. Pure."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.findings import fingerprint_http, printable, stable_path
from analyzers.dynamic.rules import Rule, rule
from analyzers.dynamic.surface import ServiceSurface
from analyzers.runtime.tool import ToolFault
from contract.analysis import Finding, Location, Target

CATEGORIES: dict[str, Rule] = {
    "SQL Injection": rule("critical", "high", 89),
    "Blind SQL Injection": rule("critical", "medium", 89),
    "Command execution": rule("critical", "high", 78),
    "Path Traversal": rule("high", "high", 22),
    "Reflected Cross Site Scripting": rule("high", "high", 79),
    "Stored Cross Site Scripting": rule("high", "high", 79),
    "HTML Injection": rule("medium", "medium", 79),
    "Stored HTML Injection": rule("medium", "medium", 79),
    "LDAP Injection": rule("high", "medium", 90),
    "CRLF Injection": rule("medium", "high", 93),
    "Open Redirect": rule("medium", "high", 601),
    "Unrestricted File Upload": rule("high", "medium", 434),
    "Server Side Request Forgery": rule("high", "high", 918),
    "Cross Site Request Forgery": rule("medium", "medium", 352),
    "Content Security Policy Configuration": rule("low", "high", 1021, 693),
    "Clickjacking Protection": rule("low", "high", 1021),
    "HTTP Strict Transport Security (HSTS)": rule("low", "high", 319),
    "MIME Type Confusion": rule("low", "high", 693),
    "HttpOnly Flag cookie": rule("medium", "high", 1004),
    "Secure Flag cookie": rule("low", "medium", 614),
    "Unencrypted Channels": rule("medium", "high", 319),
    "Htaccess Bypass": rule("high", "medium", 288),
    "Backup file": rule("high", "high", 530),
    "Potentially dangerous file": rule("medium", "low", 552),
    "Weak credentials": rule("critical", "high", 1391),
    "Log4Shell": rule("critical", "high", 917),
    "Spring4Shell": rule("critical", "high", 94),
    "TLS/SSL misconfigurations": rule("medium", "medium", 326),
    "Subdomain takeover": rule("high", "medium", 672),
    "Vulnerable software": rule("medium", "low", 1395),
    "Internal Server Error": rule("low", "high", 755, category="quality"),
    "Resource consumption": rule("low", "low", 400, category="quality"),
}
# What wapiti notes beside its findings: facts about the server, no weakness.
NOTES = frozenset(
    {
        "HTTP Methods",
        "Fingerprint web technology",
        "Fingerprint web server",
        "Fingerprint web application framework",
        "Review Webserver Metafiles for Information Leakage",
    }
)
PLAIN_HTTP_MOOT = frozenset({"HTTP Strict Transport Security (HSTS)"})


def parse_report(
    raw: bytes, target: Target, surface: ServiceSurface
) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Findings and crawled requests of a JSON report.

    Raises:
        ToolFault: not a wapiti report, or a category without a severity.
    """
    try:
        document = json.loads(raw)
        pages = document["infos"]["crawled_pages"]
        crawled = [one["request"] for one in pages]
        groups = {**document["vulnerabilities"], **document["anomalies"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"wapiti's report is unreadable: {error!r}") from error
    moot = PLAIN_HTTP_MOOT if target.base_url.startswith("http:") else frozenset[str]()
    findings: list[Finding] = []
    for category, rows in groups.items():
        if category in NOTES or category in moot:
            continue
        findings += [_finding(category, row, target, surface) for row in rows]
    return findings, crawled


def _finding(
    category: str, row: dict[str, Any], target: Target, surface: ServiceSurface
) -> Finding:
    worth = CATEGORIES.get(category)
    if worth is None:
        raise ToolFault(f"wapiti: category {category!r} has no severity")
    method, path = str(row["method"]), urlsplit(str(row["path"])).path or "/"
    parameter = str(row.get("parameter") or _cookie_name(str(row["info"])))
    if category == "Internal Server Error":
        parameter = ""  # the operation fails, whichever of its inputs was tried
    operation = surface.find(method, path)
    place = operation.path if operation else path
    source = operation.source if operation else None
    rule_id = re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-")
    return Finding(
        tool="wapiti",
        rule_id=rule_id,
        message=f"{category}: {printable(str(row['info']))}"[:4_000],
        severity=worth.severity,
        confidence=worth.confidence,
        category=worth.category,
        cwe=worth.cwe,
        location=Location(
            path=source[0] if source else None,
            line=source[1] if source else None,
            method=method,
            url=stable_path(place),
            parameter=parameter or None,
        ),
        fingerprint=fingerprint_http(target.service, rule_id, method, place, parameter),
        witnesses=(f"wapiti:{row['module']}",),
        evidence=evidence_of(str(row.get("http_request", ""))),
    )


def _cookie_name(info: str) -> str:
    found = re.search(r"cookie : (\S+)", info)
    return found[1] if found else ""


def evidence_of(request: str) -> str:
    """The request that showed it, without cookies and tokens."""
    masked = re.sub(r"(?im)^(cookie|authorization|x-csrf-?token): .*$", r"\1: ***", request)
    return printable(masked)[:2_000]
