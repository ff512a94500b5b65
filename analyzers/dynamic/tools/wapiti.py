"""Adapter for wapiti: one crawl, then one run per module: a killed wapiti leaves no report."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import fingerprint_http, printable, stable_path, unique
from analyzers.dynamic.http import require_answer
from analyzers.dynamic.probe import positive_option, targets_of
from analyzers.dynamic.rules import Rule, rule
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import ServiceSurface
from analyzers.runtime.tool import Canary, Command, Completed, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Coverage, Finding, Location, Skipped, Target

PASSIVE = ("http_headers", "csp", "cookieflags", "csrf")
ATTACKS = ("sql", "xss", "exec", "file", "redirect", "crlf", "permanentxss", "upload")
NOT_RUN = "needs a callback host on the public network"
# Not run: ldap takes a failing shell command for a failing directory.
CALLBACK_MODULES = ("ssrf", "xxe", "log4shell", "spring4shell")
STARTUP_S = 30.0

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


@dataclass(slots=True)
class Scan:
    """What the runs over one target brought."""

    target: Target
    findings: list[Finding] = field(default_factory=list)
    crawled: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    attacked: list[str] = field(default_factory=list)


class Wapiti:
    """Black-box scanner: injection, cross-site scripting, file handling, CSRF, headers."""

    name = "wapiti"
    canary = Canary(
        serve={"GET /": (200, {"Content-Type": "text/html"}, "<h1>canary</h1>")},
        expect=frozenset({"content-security-policy-configuration"}),
    )
    cost = 1.0
    exclusive = False
    after: tuple[str, ...] = ("discovery",)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Wapiti's own version."""
        done = await execute(Command(argv=(_binary(run), "--version"), limit_s=60))
        found = re.search(rb"Wapiti (\d+\.\d+\.\d+)", done.stdout)
        if found is None:
            raise ToolFault("wapiti --version names no version")
        return found[1].decode()

    def rules_digest(self) -> str:
        """The modules come with the version."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Crawl and attack every target within its share of the time."""
        targets = targets_of(run)
        surface = await surface_of(run, execute)
        limit_s = positive_option(run, "wapiti_limit_s", min(300.0, run.request.deadline_s * 0.6))
        scans = []
        for target in targets:
            await require_answer(target, "before")
            known = surface.of(target.service)
            scans.append(await _scan(run, execute, target, known, limit_s / len(targets)))
            await require_answer(target, "after")
        return fold(scans)


async def _scan(
    run: ToolRun, execute: Execute, target: Target, surface: ServiceSurface, limit_s: float
) -> Scan:
    scan, spent_s = Scan(target), 0.0
    sessions = await sessions_of(run, target, surface)
    headers = sessions[0].headers if sessions else {}
    share_s = limit_s / (len(ATTACKS) + 1)
    base = base_argv(run, target, surface, headers)
    first = await _module(execute, run, base, PASSIVE, share_s, headers, crawl=True)
    spent_s += first.duration_s
    read_report(scan, first.output, surface)
    modules = ATTACKS if is_attackable(scan.crawled) else ()
    left_out = () if modules else ATTACKS
    for module in left_out:
        scan.skipped.append(Skipped(what=f"module {module}", reason="no parameter and no form"))
    for module in CALLBACK_MODULES:
        scan.skipped.append(Skipped(what=f"module {module}", reason=NOT_RUN))
    for module in modules:
        run.progress(f"wapiti: {module} on {target.service}")
        if spent_s >= limit_s:
            reason = f"not reached within {limit_s:g} s"
            scan.skipped.append(Skipped(what=f"module {module}", reason=reason))
            continue
        spent_s += await _attack(execute, run, scan, surface, (base, module, share_s, headers))
    if modules and not scan.attacked:
        reasons = "; ".join(f"{one.what}: {one.reason}" for one in scan.skipped[:3])
        raise ToolFault(f"no attack module finished: {reasons}")
    return scan


async def _attack(
    execute: Execute,
    run: ToolRun,
    scan: Scan,
    surface: ServiceSurface,
    job: tuple[tuple[str, ...], str, float, dict[str, str]],
) -> float:
    base, module, share_s, headers = job
    try:
        done = await _module(execute, run, base, (module,), share_s, headers, crawl=False)
    except ToolFault as fault:
        scan.skipped.append(Skipped(what=f"module {module}", reason=str(fault)[-300:]))
        return share_s + STARTUP_S
    read_report(scan, done.output, surface)
    if b"Max attack time was reached" in done.stdout + done.stderr:
        reason = f"stopped by itself after {share_s:g} s"
        scan.skipped.append(Skipped(what=f"module {module}", reason=reason))
    scan.attacked.append(module)
    return done.duration_s


async def _module(
    execute: Execute,
    run: ToolRun,
    base: tuple[str, ...],
    modules: tuple[str, ...],
    share_s: float,
    headers: dict[str, str],
    *,
    crawl: bool,
) -> Completed:
    output = run.workspace / f"wapiti-{modules[0]}.json"
    phase = ("--flush-session",) if crawl else ("--skip-crawl",)
    times = ("--max-scan-time", f"{share_s:.0f}", "--max-attack-time", f"{share_s:.0f}")
    command = Command(
        argv=(*base, *phase, *times, "-m", ",".join(modules), "-o", str(output)),
        output=output,
        limit_s=2 * share_s + STARTUP_S,
        secrets=tuple(headers.values()),
    )
    return await execute(command)


def base_argv(
    run: ToolRun, target: Target, surface: ServiceSurface, headers: dict[str, str]
) -> tuple[str, ...]:
    """What every run of one scan has in common; the session folder carries the crawl over."""
    argv = [_binary(run), "-u", f"{target.base_url}/", "--scope", "domain", "--no-bugreport"]
    session = run.workspace / f"session-{stable_name(target.service)}"
    argv += ["--store-session", str(session), "--store-config", str(run.workspace / "config")]
    argv += ["-f", "json", "-dr", "1", "-v", "1", "-t", "5", "--tasks", "4", "-d", "6"]
    argv += ["--max-links-per-page", "50", "--max-files-per-dir", "60", "--max-parameters", "20"]
    for path in start_paths(surface):
        argv += ["-s", target.base_url + path]
    for path in leaving_paths(surface):
        argv += ["-x", target.base_url + path]
    for name, value in headers.items():
        argv += ["-H", f"{name}: {value}"]
    return tuple(argv)


def start_paths(surface: ServiceSurface) -> list[str]:
    """GET operations with a value for each query parameter, at most 60."""
    found = []
    for one in surface.operations:
        if one.method != "GET" or one.path in leaving_paths(surface):
            continue
        query = "&".join(f"{item.name}={item.example or 'a'}" for item in one.named("query"))
        found.append(one.url() + (f"?{query}" if query else ""))
    return [path for path in found if re.fullmatch(r"/[\w./?=&%~+-]*", path)][:60]


def leaving_paths(surface: ServiceSurface) -> list[str]:
    """Paths that would end the session."""
    leave = re.compile(r"/(log|sign)-?out", re.IGNORECASE)
    return [one.path for one in surface.operations if leave.search(one.path)][:10]


def stable_name(service: str) -> str:
    """A service's name as one file name."""
    return re.sub(r"\W+", "-", service)


def is_attackable(crawled: list[dict[str, Any]]) -> bool:
    """Whether the crawl met anything that takes input."""
    return any("?" in one["url"] or one["post_params"] for one in crawled)


def read_report(scan: Scan, raw: bytes, surface: ServiceSurface) -> None:
    """Add one run's findings and crawl to `scan`."""
    findings, crawled = parse_report(raw, scan.target, surface)
    scan.findings += findings
    scan.crawled = crawled or scan.crawled


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


def fold(scans: list[Scan]) -> Parsed:
    """One report of all targets; coverage counts requests of the crawl that were answered."""
    names = [
        f"{scan.target.service} {one['method']} {urlsplit(one['url']).path}"
        for scan in scans
        for one in scan.crawled
        if one.get("status_code")
    ]
    items = list(dict.fromkeys(names))
    skipped = [row for scan in scans for row in scan.skipped]
    modules = [f"{one.target.service}: {', '.join([*PASSIVE, *one.attacked])}" for one in scans]
    coverage = Coverage(
        unit="urls",
        reached=len(items),
        skipped=tuple(skipped[:50]),
        skipped_total=len(skipped),
        items=tuple(item[:300] for item in items[:200]),
    )
    return Parsed(
        coverage=coverage,
        findings=unique([one for scan in scans for one in scan.findings]),
        notes=(f"modules run: {'; '.join(modules)}",),
    )


def _binary(run: ToolRun) -> str:
    return str(Path(run.tools_dir) / "venv-wapiti" / "bin" / "wapiti")
