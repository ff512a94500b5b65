"""Headless Chromium over the pages: console errors, failed requests, accessibility, a picture."""

import json
import re
from pathlib import Path
from typing import Any

from analyzers.dynamic.alive import require_answer
from analyzers.dynamic.browser_report import Visited, fold, parse
from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.probe import (
    Seen,
    behind,
    positive_option,
    raise_unusable,
    require_usable,
    targets_of,
)
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import ServiceSurface, Surface
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Skipped, Target

CHROMIUM = Path("/usr/bin/chromium")
PROGRAM = Path(__file__).parent.parent / "browser_program.py"
MAX_PAGES = 8
PAGE_LIMIT_S = 40.0


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
    after: tuple[str, ...] = behind("browser")

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
        require_usable(targets, surface)
        limit_s = positive_option(run, "browser_limit_s", 90.0) / len(targets)
        visited, pageless = list[Visited](), list[Seen]()
        for target in targets:
            start = await require_answer(target, "before")
            known = surface.of(target.service)
            paths, left_out = pages_of(known)
            if paths:
                headers = await headers_of(run, target, surface)
                rows = await _visit(run, execute, target, paths, limit_s, headers)
                visited.append(Visited(target, known, rows, left_out))
                await require_answer(target, "after")
            elif start.status >= 500 or (target.role == "frontend" and start.status >= 400):
                pageless.append((target, "GET /", start.status))
        if not visited and pageless:
            raise_unusable(pageless)
        if not visited:
            raise NotApplicable("no service serves an HTML page")
        return fold(visited)


def pages_of(surface: ServiceSurface) -> tuple[list[str], list[Skipped]]:
    """HTML pages to open, the start page first, one of each kind; and those that are not."""
    pages = [path for path, media in surface.pages.items() if media == "text/html"]
    kinds = {stable_path(path): path for path in reversed(pages)}
    chosen = sorted(kinds.values(), key=lambda path: (path != "/", len(path), path))
    beyond = f"beyond the first {MAX_PAGES} pages"
    left_out = dict.fromkeys(chosen[MAX_PAGES:], beyond)
    left_out |= {path: "like another page" for path in pages if path not in chosen}
    rows = [Skipped(what=f"{surface.service} {key}", reason=why) for key, why in left_out.items()]
    return chosen[:MAX_PAGES], rows


async def headers_of(run: ToolRun, target: Target, surface: Surface) -> dict[str, str]:
    """What a logged-in person's browser sends: the service's own session, or its back end's."""
    backends = [one for one in run.request.targets if one.role == "backend"]
    for one in (target, *backends):
        if sessions := await sessions_of(run, one, surface.of(one.service)):
            return sessions[0].headers
    return {}


async def _visit(
    run: ToolRun,
    execute: Execute,
    target: Target,
    paths: list[str],
    limit_s: float,
    headers: dict[str, str],
) -> list[dict[str, Any]]:
    name = re.sub(r"\W+", "-", target.service)
    shot = run.workspace / f"{name}.png"
    backend = next((one for one in run.request.targets if one.role == "backend"), target)
    job = {
        "base_url": target.base_url,
        "paths": paths,
        "origins": [one.base_url for one in run.request.targets],
        "backend": backend.base_url,
        "headers": headers,
        "axe": axe_script(run),
        "chromium": str(CHROMIUM),
        "screenshot": str(shot),
        "limit_s": limit_s,
        "page_limit_s": PAGE_LIMIT_S,
    }
    done = await execute(
        Command(
            argv=(str(run.tools_dir / "venv" / "bin" / "python"), "-I", str(PROGRAM)),
            stdin=json.dumps(job).encode(),
            # Chromium aborts where its socket's path has more than 107 bytes: the workspace, short.
            env={"TMPDIR": "/proc/self/cwd"},
            limit_s=limit_s + 2 * PAGE_LIMIT_S,
        )
    )
    if shot.exists():
        run.attach(f"{name}.png", shot.read_bytes())
    return parse(masked(done.stdout, headers))


def masked(raw: bytes, headers: dict[str, str]) -> bytes:
    """`raw` without cookie values and tokens: a page may write them to its console."""
    words = {word for value in headers.values() for word in re.split(r"[\s;=,\"]+", value)}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= 8:
            raw = raw.replace(word.encode(), b"***")
    return raw


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
