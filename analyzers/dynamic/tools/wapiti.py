"""Adapter for wapiti: one crawl, then each of its attack modules, confined to the app."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.alive import prepared_facts, require_answer
from analyzers.dynamic.bounds import limit_of, sampled
from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import unique
from analyzers.dynamic.probe import (
    Seen,
    behind,
    raise_unusable,
    require_usable,
    targets_of,
)
from analyzers.dynamic.rules import grades_of
from analyzers.dynamic.scanners import (
    LAUNCHER,
    Confined,
    confined,
    launched_program,
    secret_headers,
    venv_program,
)
from analyzers.dynamic.sessions import require_login, sessions_of
from analyzers.dynamic.surface import Operation, ServiceSurface, Surface
from analyzers.dynamic.wapiti_modules import ATTACKS, CANARY_ATTACKS, PROGRAM, STARTUP_S, Attack
from analyzers.dynamic.wapiti_paths import UNSAFE, is_attackable, leaving_paths, start_paths
from analyzers.dynamic.wapiti_report import CATEGORIES, parse_report, unseen_by
from analyzers.runtime.live.chromium import PROXY_URL
from analyzers.runtime.reasons import skipped
from analyzers.runtime.tool import Canary, Command, Completed, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Category, Coverage, Finding, Skipped, Target

VENV = "venv-wapiti"
PASSIVE = ("http_headers", "csp", "cookieflags", "csrf")
NOT_RUN = "needs a callback host on the public network"
# Not run: ldap mistakes a failing shell command for a failing directory.
CALLBACK_MODULES = ("ssrf", "xxe", "log4shell", "spring4shell")
MAX_STARTS = 60
TIME_IS_UP = b"Max scan time was reached"


@dataclass(slots=True)
class Scan:
    """The results of the runs over one target.

    Attributes:
        whys: `METHOD /path` -> why its answer does not answer the request; empty where it does.
        missed: URLs that were not looked at.
        skipped: modules that did not run, or did not finish.
    """

    target: Target
    findings: list[Finding] = field(default_factory=list)
    crawled: list[dict[str, Any]] = field(default_factory=list)
    whys: dict[str, str] = field(default_factory=dict)
    missed: list[Skipped] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    attacked: list[str] = field(default_factory=list)

    def skip(self, modules: Mapping[str, str]) -> None:
        """Note modules that did not run, or did not finish: module -> why."""
        self.skipped += [skipped(f"module {name}", modules[name]) for name in modules]


class Wapiti:
    """Black-box scanner: injection, cross-site scripting, file handling, CSRF, headers."""

    name = "wapiti"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    grades = grades_of("category", CATEGORIES)
    canary = Canary(
        serve={
            "GET /": (200, {"Content-Type": "text/html"}, '<a href="/search?q=a">search</a>'),
            "GET /search": (200, {"Content-Type": "text/html"}, "<p>{query:q}</p>"),
        },
        expect=frozenset({"reflected-cross-site-scripting"}),
    )
    cost = 1.0
    exclusive = False
    after: tuple[str, ...] = behind("wapiti")

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Wapiti's own version."""
        done = await execute(
            Command(argv=(*venv_program(run.tools_dir, VENV, "wapiti"), "--version"), limit_s=60)
        )
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
        # On its canary its own crawl has to find the flaw.
        surface = Surface() if run.canary else await surface_of(run, execute)
        require_usable(targets, surface)
        await require_login(run, surface)
        limit_s = limit_of(run, "wapiti")
        scans = []
        means = confined(run, execute, VENV, PROGRAM, LAUNCHER)
        for target in targets:
            await require_answer(target, "before")
            known = surface.of(target.service)
            modules = CANARY_ATTACKS if run.canary else ATTACKS
            scan = await _scan(means, target, known, limit_s / len(targets), modules)
            scans.append(scan)
            await require_answer(target, "after")
        return fold(scans, means.box.notes)


async def _scan(
    means: Confined,
    target: Target,
    surface: ServiceSurface,
    limit_s: float,
    attacks: tuple[tuple[str, ...], ...],
) -> Scan:
    scan, run = Scan(target), means.run
    sessions = await sessions_of(run, target, surface)
    facts = await prepared_facts(run, target)
    headers = {**facts.headers, **(sessions[0].headers if sessions else {})}
    share_s = limit_s / (sum(map(len, attacks)) + 1)
    base = base_argv(run, target, surface)
    first = await _crawl(means, base, share_s, headers)
    read_report(scan, first.output, surface)
    scan.whys = await unseen_by(run, target, surface, scan.crawled, headers)
    note_missed(scan, surface, was_cut=TIME_IS_UP in first.stdout + first.stderr)
    if is_attackable(scan.crawled, start_paths(surface)):
        run.progress(f"attacks on {target.service}")
        left_s = max(limit_s - first.duration_s, 0.0)
        shared = (*base, "--skip-crawl")
        attack = Attack(shared, share_s, left_s, secret_headers(headers))
        await _attack(means, attack, attacks, scan, surface)
    else:
        scan.skip(dict.fromkeys(chain(*attacks), "no parameter and no form"))
    scan.skip(dict.fromkeys(CALLBACK_MODULES, NOT_RUN))
    return scan


async def _attack(
    means: Confined,
    attack: Attack,
    groups: tuple[tuple[str, ...], ...],
    scan: Scan,
    surface: ServiceSurface,
) -> None:
    python, _ = venv_program(means.run.tools_dir, VENV, "wapiti")
    for scanned in await attack.run(means, python, groups):
        scan.skip(scanned.skipped)
        scan.attacked += scanned.ran
        if scanned.report:
            read_report(scan, scanned.report, surface)
    if not scan.attacked:
        reasons = "; ".join(f"{skipped.what}: {skipped.reason}" for skipped in scan.skipped[:3])
        raise ToolFault(f"no attack module finished: {reasons}")


async def _crawl(
    means: Confined, base: tuple[str, ...], share_s: float, headers: dict[str, str]
) -> Completed:
    """Crawl with the modules that only look; returns its answers, which are judged."""
    output = means.box.folder / "wapiti-crawl.json"
    program = launched_program(means.run.tools_dir, VENV, "wapiti")
    times = ("--max-scan-time", f"{share_s:.0f}", "--max-attack-time", f"{share_s:.0f}")
    command = means.box.command(
        (
            *(*program, *base),
            *("--flush-session", "-dr", "2", *times),
            *("-m", ",".join(PASSIVE), "-o", output.name),
        ),
        output=output,
        limit_s=2 * share_s + STARTUP_S,
        stdin=secret_headers(headers),
        called="wapiti",
    )
    return await means.execute(command)


def base_argv(run: ToolRun, target: Target, surface: ServiceSurface) -> tuple[str, ...]:
    """The common arguments of all runs of one scan; the session folder keeps the crawl."""
    argv = ["-u", f"{target.base_url}/"]
    argv += ["--scope", "domain", "--no-bugreport", "--proxy", PROXY_URL]
    session = f"session-{stable_name(target.service)}"
    argv += ["--store-session", session, "--store-config", "config"]
    argv += ["-f", "json", "-v", "1", "-t", "5", "--tasks", "4", "-d", "6"]
    argv += ["--max-links-per-page", "30", "--max-files-per-dir", "40", "--max-parameters", "20"]
    for path in start_paths(surface)[:MAX_STARTS]:
        argv += ["-s", target.base_url + path]
    for path in leaving_paths(surface):
        argv += ["-x", target.base_url + path]
    for pattern in UNSAFE:
        argv += ["-x", target.base_url + pattern]
    return tuple(argv)


def stable_name(service: str) -> str:
    """A service's name as one file name."""
    return re.sub(r"\W+", "-", service)


def read_report(scan: Scan, raw: bytes, surface: ServiceSurface) -> None:
    """Add one run's findings and crawl to `scan`."""
    findings, crawled = parse_report(raw, scan.target, surface)
    scan.findings += findings
    scan.crawled = crawled or scan.crawled


def note_missed(scan: Scan, surface: ServiceSurface, *, was_cut: bool) -> None:
    """Name known parts of the service that the crawl did not meet."""
    crawled = {
        f"{crawled_request['method']} {urlsplit(crawled_request['url']).path}"
        for crawled_request in scan.crawled
    }
    starts = [path.split("?")[0] for path in start_paths(surface)]
    for operation in surface.operations:
        if (key := f"{operation.method} {operation.url()}") not in crawled:
            row = Skipped(what=f"{scan.target.service} {key}"[:300], reason=_why(operation, starts))
            scan.missed.append(row)
    if was_cut:
        reason = "the crawl was stopped at its time limit: it may not have met every page"
        scan.missed.append(Skipped(what=f"{scan.target.service}: further pages", reason=reason))


def _why(operation: Operation, starts: list[str]) -> str:
    """Why the crawl did not meet an operation."""
    if operation.method != "GET":
        return "the crawl did not get there" if operation.named("form") else "no form leads to it"
    if operation.url() in starts[:MAX_STARTS]:
        return "the crawl did not get there"
    is_beyond = operation.url() in starts
    return f"beyond the first {MAX_STARTS} start pages" if is_beyond else "not given to the crawl"


def met(scan: Scan) -> tuple[list[str], list[Seen]]:
    """Requests of the crawl that were answered properly or with a server error."""
    statuses: dict[str, list[int]] = {}
    for request in scan.crawled:
        key = f"{request['method']} {urlsplit(request['url']).path}"[:250]
        statuses.setdefault(key, []).extend(
            [int(request["status_code"])] if request["status_code"] else []
        )
    fine = [key for key, seen in statuses.items() if seen and min(seen) < 500]
    good = [key for key in fine if not scan.whys.get(key)]
    bad = [(scan.target, key, min(seen)) for key, seen in statuses.items() if seen]
    bad = [(target, key, status) for target, key, status in bad if status >= 500]
    silent = [(key, "no answer") for key, seen in statuses.items() if not seen]
    failed = [(key, f"answered {status}") for _, key, status in bad]
    unlike = [(key, scan.whys[key]) for key in fine if key not in good]
    for key, reason in [*silent, *failed, *unlike]:
        scan.missed.append(Skipped(what=f"{scan.target.service} {key}", reason=reason))
    return [f"{scan.target.service} {key}" for key in good], bad


def fold(scans: list[Scan], notes: tuple[str, ...] = ()) -> Parsed:
    """One report of all targets; coverage counts requests of the crawl that were answered."""
    pairs = [met(scan) for scan in scans]
    items = [name for names, _ in pairs for name in names]
    failed = [failure for _, seen in pairs for failure in seen]
    whys = [why for scan in scans for why in scan.whys.values() if why]
    if not items and (failed or whys):
        shown = [(scan.target, key, 0) for scan in scans for key, why in scan.whys.items() if why]
        raise_unusable(failed or shown, whys)
    missed = [row for scan in scans for row in scan.missed]
    skipped = missed + [row for scan in scans for row in scan.skipped]
    modules = [f"{scan.target.service}: {', '.join([*PASSIVE, *scan.attacked])}" for scan in scans]
    coverage = Coverage(
        unit="urls",
        reached=len(items),
        given=len(items) + len(missed),
        skipped=sampled(skipped),
        skipped_total=len(skipped),
        items=tuple(items[:200]),
    )
    return Parsed(
        coverage=coverage,
        findings=unique([finding for scan in scans for finding in scan.findings]),
        notes=(f"modules run: {'; '.join(modules)}", *notes),
    )
