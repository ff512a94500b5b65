"""Reads a wapiti report: categories, severities, findings, answers."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from analyzers.dynamic.answer import BODY_CAP_BYTES, Answer
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.findings import make_finding, printable, worth_of
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.marks import shows_payload
from analyzers.dynamic.payloads import is_debugger_text
from analyzers.dynamic.rules import Rule, rule
from analyzers.dynamic.surface import ServiceSurface
from analyzers.dynamic.target_facts import facts_of
from analyzers.runtime.tool import ToolFault, ToolRun
from contract.analysis import Finding, Target

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
# Wapiti's notes beside its findings: facts about the server, no weakness.
NOTES = frozenset(
    {
        "HTTP Methods",
        "Fingerprint web technology",
        "Fingerprint web server",
        "Fingerprint web application framework",
        "Review Webserver Metafiles for Information Leakage",
    }
)
ECHOES = frozenset({"Reflected Cross Site Scripting", "HTML Injection"})
MAX_COMPARED = 60
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
        crawled = [_request(page) for page in pages]
        groups = {**document["vulnerabilities"], **document["anomalies"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"wapiti's report is unreadable: {error!r}") from error
    moot = PLAIN_HTTP_MOOT if target.base_url.startswith("http:") else frozenset[str]()
    findings: list[Finding] = []
    for category, rows in groups.items():
        if category in NOTES or category in moot:
            continue
        kept = [row for row in rows if not is_moot(category, row)]
        findings += [_finding(category, row, target, surface) for row in kept]
    return findings, crawled


def is_moot(category: str, row: dict[str, Any]) -> bool:
    """Whether it is about a value that our tools stored, or the echo of a framework's debugger."""
    if shows_payload(urlsplit(str(row.get("path", ""))).path):
        return True
    response = (row.get("detail") or {}).get("response") or {}
    is_error = int(response.get("status_code") or 0) >= 400
    return category in ECHOES and is_error and is_debugger_text(str(response.get("body", "")))


async def unseen_by(
    run: ToolRun,
    target: Target,
    surface: ServiceSurface,
    crawled: list[dict[str, Any]],
    headers: dict[str, str],
) -> dict[str, str]:
    """Why answers do not answer the crawl's requests: `METHOD /path` -> reason or empty."""
    whys: dict[str, str] = {}
    budget = Budget(max_requests=MAX_COMPARED, limit_s=45)
    async with BoundedClient(target, budget, facts=facts_of(run, target)) as client:
        client.place = surface.place_of
        for request in crawled:
            if (answer := _answer(request)) is None:
                continue
            key = f"{request['method']} {urlsplit(request['url']).path or '/'}"[:250]
            if whys.get(key, "?"):  # one of several answers that answers the request is enough
                whys[key] = str(await client.judge(answer, headers))
    return whys


def _answer(row: dict[str, Any]) -> Answer | None:
    """The answer to one request of the crawl, where the report has it."""
    response, parts = row["response"], urlsplit(row["url"])
    if not response or not isinstance(response.get("status_code"), int):
        return None
    pairs = [(str(name), str(value)) for name, value in response.get("headers") or []]
    kept = [pair for pair in pairs if pair[0].lower() != "content-encoding"]  # undone by wapiti
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = str(response.get("body") or "").encode("utf-8", "replace")[:BODY_CAP_BYTES]
    charset = [(name, _utf8(name, value)) for name, value in kept]
    return Answer(
        row["method"], path, response["status_code"], httpx.Headers(charset), body, elapsed_s=0.0
    )


def _utf8(name: str, value: str) -> str:
    """A content type without the character set: the report holds text."""
    return value.partition(";")[0] if name.lower() == "content-type" else value


def _request(page: dict[str, Any]) -> dict[str, Any]:
    """A request of the crawl; from reports of either level of detail."""
    request, response = page["request"], page.get("response") or {}
    status = request.get("status_code", response.get("status_code"))
    takes = request.get("post_params") or request["method"] not in {"GET", "HEAD"}
    known = {"url": str(request["url"]), "method": str(request["method"]), "response": response}
    return {**known, "status_code": status, "post_params": takes}


def _finding(
    category: str, row: dict[str, Any], target: Target, surface: ServiceSurface
) -> Finding:
    method, path = str(row["method"]), urlsplit(str(row["path"])).path or "/"
    parameter = str(row.get("parameter") or _cookie_name(str(row["info"])))
    if category == "Internal Server Error":
        parameter = ""  # the operation fails, whichever of its inputs was tried
    operation = surface.find(method, path)
    return make_finding(
        "wapiti",
        re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-"),
        f"{category}: {printable(str(row['info']))}",
        service=target.service,
        method=method,
        path=operation.path if operation else path,
        parameter=parameter,
        evidence=evidence_of(str(row.get("http_request", ""))),
        source=operation.source if operation else None,
        worth=worth_of(CATEGORIES, category, "wapiti: category"),
        witness=f"wapiti:{row['module']}",
    )


def _cookie_name(info: str) -> str:
    found = re.search(r"cookie : (\S+)", info)
    return found[1] if found else ""


def evidence_of(request: str) -> str:
    """The request that showed it, without cookies and tokens."""
    return re.sub(r"(?im)^(cookie|authorization|x-csrf-?token): .*$", r"\1: ***", request)
