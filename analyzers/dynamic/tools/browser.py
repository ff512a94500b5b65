"""Headless Chromium over the pages: console errors, failed requests, accessibility, a picture."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import fingerprint_http, make_finding, stable_path, unique
from analyzers.dynamic.http import require_answer
from analyzers.dynamic.probe import positive_option, targets_of
from analyzers.dynamic.rules import Rule, rule
from analyzers.dynamic.surface import ServiceSurface
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Coverage, Finding, Location, Metric, Skipped, Target

CHROMIUM = Path("/usr/bin/chromium")
PROGRAM = Path(__file__).parent.parent / "browser_program.py"
MAX_PAGES = 8
IMPACTS: dict[str, Rule] = {
    "minor": rule("low", "high", category="accessibility"),
    "moderate": rule("low", "high", category="accessibility"),
    "serious": rule("medium", "high", category="accessibility"),
    "critical": rule("high", "high", category="accessibility"),
}
MESSAGES = {
    "console-error": "The page writes errors to the browser's console",
    "page-error": "A script of the page ends with an exception",
    "failed-request": "The page asks for something that fails",
    "mixed-content": "A page served over HTTPS loads something over plain HTTP",
}


class Browser:
    """Opens each page as a person would."""

    name = "browser"
    canary = Canary(
        serve={
            "GET /": (
                200,
                {"Content-Type": "text/html"},
                "<!doctype html><html lang=en><title>c</title><main><h1>c</h1><img src=/i.png>",
            )
        },
        expect=frozenset({"axe-image-alt"}),
    )
    cost = 1.0
    exclusive = False
    after: tuple[str, ...] = ("discovery",)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Chromium's version and axe-core's."""
        if not CHROMIUM.exists():
            raise ToolFault("chromium is not installed: apt-get install chromium")
        done = await execute(Command(argv=(str(CHROMIUM), "--version"), limit_s=60))
        found = re.search(rb"Chromium ([\d.]+)", done.stdout)
        if found is None:
            raise ToolFault("chromium --version names no version")
        return f"chromium {found[1].decode()}, axe-core {axe_version(run)}"

    def rules_digest(self) -> str:
        """The rules come with axe-core's version."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Visit the pages of every target that serves any."""
        surface = await surface_of(run, execute)
        targets = targets_of(run)
        limit_s = positive_option(run, "browser_limit_s", 90.0)
        visited: list[tuple[Target, ServiceSurface, list[dict[str, Any]]]] = []
        for target in targets:
            await require_answer(target, "before")
            known = surface.of(target.service)
            paths = pages_of(known)
            if paths:
                rows = await _visit(run, execute, target, paths, limit_s)
                visited.append((target, known, rows))
                await require_answer(target, "after")
        if not visited:
            raise NotApplicable("no service serves an HTML page")
        return fold(visited)


def pages_of(surface: ServiceSurface) -> list[str]:
    """HTML pages to open, the start page first, one of each kind."""
    pages = [path for path, media in surface.pages.items() if media == "text/html"]
    kinds = {stable_path(path): path for path in reversed(pages)}
    chosen = sorted(kinds.values(), key=lambda path: (path != "/", len(path), path))
    return chosen[:MAX_PAGES]


async def _visit(
    run: ToolRun, execute: Execute, target: Target, paths: list[str], limit_s: float
) -> list[dict[str, Any]]:
    name = re.sub(r"\W+", "-", target.service)
    shot = run.workspace / f"{name}.png"
    backend = next((one for one in run.request.targets if one.role == "backend"), target)
    job = {
        "base_url": target.base_url,
        "paths": paths,
        "origins": [one.base_url for one in run.request.targets],
        "backend": backend.base_url,
        "axe": axe_script(run),
        "chromium": str(CHROMIUM),
        "screenshot": str(shot),
        "limit_s": limit_s,
    }
    done = await execute(
        Command(
            argv=(str(run.tools_dir / "venv" / "bin" / "python"), "-I", str(PROGRAM)),
            stdin=json.dumps(job).encode(),
            # Chromium aborts where its socket's path has more than 107 bytes: the workspace, short.
            env={"TMPDIR": "/proc/self/cwd"},
            limit_s=limit_s + 60,
        )
    )
    if shot.exists():
        run.attach(f"{name}.png", shot.read_bytes())
    return parse(done.stdout)


def axe_script(run: ToolRun) -> str:
    """Source of axe-core.

    Raises:
        ToolFault: it is not installed.
    """
    path = run.tools_dir / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        raise ToolFault("axe-core is not installed: analyzers/install.sh dynamic")
    return path.read_text(encoding="utf-8")


def axe_version(run: ToolRun) -> str:
    """Version in axe-core's manifest.

    Raises:
        ToolFault: it is not installed.
    """
    path = run.tools_dir / "node_modules" / "axe-core" / "package.json"
    if not path.exists():
        raise ToolFault("axe-core is not installed: analyzers/install.sh dynamic")
    return str(json.loads(path.read_bytes())["version"])


def parse(raw: bytes) -> list[dict[str, Any]]:
    """Rows of the browser program, one per page.

    Raises:
        ToolFault: it printed something else, or no page could be opened.
    """
    try:
        rows = json.loads(raw)["pages"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"the browser's output is unreadable: {error!r}") from error
    if not any(row.get("violations") is not None for row in rows):
        reasons = "; ".join(f"{row['path']}: {row['error']}" for row in rows[:3])
        raise ToolFault(f"no page could be opened: {reasons}")
    return rows


def findings_of(target: Target, surface: ServiceSurface, row: dict[str, Any]) -> list[Finding]:
    """What one page did wrong."""
    found = []
    for event in row.get("events") or []:
        kind, url = event["kind"], urlsplit(event["url"]).path
        found.append(
            make_finding(
                "browser",
                kind,
                f"{MESSAGES[kind]}: {event['text'][:200]}",
                service=target.service,
                path=row["path"],
                parameter=stable_path(url) if url else event["text"][:60],
                evidence=f"{event['text']}\n{url}".strip(),
            )
        )
    rules = row.get("violations") or []
    return found + [_violation(target, surface, row["path"], one) for one in rules]


def _violation(target: Target, surface: ServiceSurface, path: str, row: dict[str, Any]) -> Finding:
    worth = IMPACTS.get(str(row["impact"]))
    if worth is None:
        raise ToolFault(f"axe: impact {row['impact']!r} of {row['id']} has no severity")
    operation = surface.find("GET", path)
    place = operation.path if operation else path
    rule_id = f"axe-{row['id']}"
    return Finding(
        tool="browser",
        rule_id=rule_id,
        message=f"{row['help']} ({row['count']} places)",
        severity=worth.severity,
        confidence=worth.confidence,
        category=worth.category,
        location=Location(method="GET", url=stable_path(place)),
        fingerprint=fingerprint_http(target.service, rule_id, "GET", place),
        witnesses=(f"axe:{row['id']}",),
        evidence="\n".join(row["nodes"])[:2_000],
    )


def fold(visited: list[tuple[Target, ServiceSurface, list[dict[str, Any]]]]) -> Parsed:
    """One report; coverage counts pages that were opened and examined."""
    rows = [(target, row) for target, _, pages in visited for row in pages]
    seen = [f"{target.service} {row['path']}" for target, row in rows if not row["error"]]
    missed = [
        Skipped(what=f"{target.service} {row['path']}", reason=row["error"])
        for target, row in rows
        if row["error"]
    ]
    blocked = sorted({origin for _, row in rows for origin in row.get("blocked") or []})
    findings = [
        one
        for target, surface, pages in visited
        for row in pages
        for one in findings_of(target, surface, row)
    ]
    notes = (f"requests to other hosts were not let through: {', '.join(blocked[:10])}",)
    return Parsed(
        coverage=Coverage(
            unit="urls",
            given=len(rows),
            reached=len(seen),
            skipped=tuple(missed[:50]),
            skipped_total=len(missed),
            items=tuple(seen[:200]),
        ),
        findings=unique(findings),
        metrics=(Metric(name="pages_opened", value=len(seen), unit="count"),),
        notes=notes if blocked else (),
    )
