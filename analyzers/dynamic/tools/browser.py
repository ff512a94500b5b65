"""Headless Chromium on the pages: console errors, failed requests, accessibility, pictures."""

import asyncio
import json
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from analyzers.dynamic import marks
from analyzers.dynamic.alive import prepared_facts, require_answer
from analyzers.dynamic.bounds import limit_of
from analyzers.dynamic.browser_cors import without_own_cors
from analyzers.dynamic.browser_report import IMPACTS, MESSAGES, Visited, fold, parse
from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.probe import (
    Seen,
    behind,
    raise_unusable,
    require_usable,
    targets_of,
)
from analyzers.dynamic.rules import RULES, grades_of
from analyzers.dynamic.sessions import require_login, sessions_of
from analyzers.dynamic.surface import ServiceSurface, Surface
from analyzers.runtime.blame import verdict
from analyzers.runtime.live.chromium import chromium_switches
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.live.origins import Origins, expected_origins, origins_of
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Skipped, Target
from contract.attached import SCREENSHOTS

CHROMIUM = Path("/usr/bin/chromium")
PROGRAM = Path(__file__).parent.parent / "browser_program.py"
MAX_PAGES = 8
PAGE_LIMIT_S = 40.0
MAX_SHOT_BYTES = 5_000_000
PNG = b"\x89PNG\r\n"


class Browser:
    """Opens each page as a person would."""

    name = "browser"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY, Category.ACCESSIBILITY})
    grades = grades_of("rule or impact", {name: RULES[name] for name in MESSAGES}, IMPACTS)
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
        await require_login(run, surface)
        limit_s = limit_of(run, "browser") / len(targets)
        visited, pageless = list[Visited](), list[Seen]()
        origins = await asyncio.to_thread(origins_of, run.request.targets, run.source)
        visitor = _Visitor(run, execute, origins, limit_s)
        for target in targets:
            start = await require_answer(target, "before")
            known = surface.of(target.service)
            paths, left_out = pages_of(known)
            if paths:
                headers = await headers_of(run, target, surface)
                rows = await visitor.visit(target, paths, headers)
                visited.append(Visited(target, known, rows, left_out))
                await require_answer(target, "after")
            elif start.status >= 500 or (target.role == "frontend" and start.status >= 400):
                pageless.append((target, "GET /", start.status))
        if not visited and pageless:
            raise_unusable(pageless)
        doubts = [doubt for target in targets for doubt in surface.of(target.service).doubts]
        if not visited and doubts:
            text = f"no page was seen, and not every answer was one: {doubts[0]}"
            raise verdict("scan-routes-unread", text)
        if not visited:
            raise NotApplicable("no service serves an HTML page")
        parsed = fold(visited, visitor.notes)
        return replace(parsed, data={**parsed.data, SCREENSHOTS: visitor.pictures})


def pages_of(surface: ServiceSurface) -> tuple[list[str], list[Skipped]]:
    """HTML pages to open, the start page first, one of each kind; and the pages left out."""
    pages = [path for path, media in surface.pages.items() if media == "text/html"]
    kinds = {stable_path(path): path for path in reversed(pages)}
    chosen = sorted(kinds.values(), key=lambda path: (path != "/", len(path), path))
    beyond = f"beyond the first {MAX_PAGES} pages"
    left_out = dict.fromkeys(chosen[MAX_PAGES:], beyond)
    left_out |= {path: "like another page" for path in pages if path not in chosen}
    rows = [Skipped(what=f"{surface.service} {key}", reason=why) for key, why in left_out.items()]
    return chosen[:MAX_PAGES], rows


async def headers_of(run: ToolRun, target: Target, surface: Surface) -> dict[str, str]:
    """The headers of a logged-in person's browser: the service's own session, or its back end's."""
    backends = [candidate for candidate in run.request.targets if candidate.role == "backend"]
    forwarded = (await prepared_facts(run, target)).headers
    for app_target in (target, *backends):
        if sessions := await sessions_of(run, app_target, surface.of(app_target.service)):
            return {**forwarded, **sessions[0].headers}
    return dict(forwarded)


class _Visitor:
    """Confined visits to an app's pages, each target's under the origin that it expects.

    Attributes:
        pictures: those that were kept, each with the service and the path of its page.
    """

    def __init__(self, run: ToolRun, execute: Execute, origins: Origins, limit_s: float) -> None:
        self._run = run
        self._execute = execute
        self._origins = origins
        self._limit_s = limit_s
        self._excused = list[str]()
        self.pictures = list[dict[str, str]]()
        self._python = run.tools_dir.resolve() / "venv" / "bin" / "python"
        # Not the one that Playwright brings: it needs a library that a bare Debian lacks.
        self._node = Path(shutil.which("node") or "/usr/bin/node")
        self._box = Confinement(
            run.workspace,
            origins.routes,
            (self._python, CHROMIUM, self._node),
            (PROGRAM, run.tools_dir.resolve()),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The origins under which pages were opened, and the requests that were blocked."""
        notes = (*self._origins.opened_notes(), *self._origins.notes, *self._excused)
        return (*notes, *self._box.notes)

    async def visit(
        self, target: Target, paths: list[str], headers: dict[str, str]
    ) -> list[dict[str, Any]]:
        """The program's rows for each page, without failures that only our own origin causes."""
        shots = shots_of(target.service, len(paths))
        done = await self._execute(
            self._box.command(
                (str(self._python), "-I", str(PROGRAM), *chromium_switches(self._origins)),
                env={"PLAYWRIGHT_NODEJS_PATH": str(self._node)},
                stdin=json.dumps(self._job(target, paths, headers, shots)).encode(),
                limit_s=self._limit_s + 2 * PAGE_LIMIT_S,
                called="browser",
            )
        )
        for path, name in zip(paths, shots, strict=True):
            self._keep(target, path, name)
        rows = parse(masked(done.stdout, headers))
        expected = await asyncio.to_thread(expected_origins, target, self._run.source)
        kept, excused = await without_own_cors(
            rows, self._run.request.targets, self._origins, expected
        )
        self._excused += excused
        return kept

    def _keep(self, target: Target, path: str, name: str) -> None:
        """Keep the picture of a page, if there is one and it is not too large."""
        with suppress(ToolFault), self._box.opened(self._box.folder / name) as picture:
            content = picture.read(MAX_SHOT_BYTES + 1)
            if content.startswith(PNG) and len(content) <= MAX_SHOT_BYTES:
                self._run.attach(name, content)
                self.pictures.append({"name": name, "service": target.service, "path": path})

    def _job(
        self, target: Target, paths: list[str], headers: dict[str, str], shots: list[str]
    ) -> dict[str, Any]:
        return {
            "base_url": self._origins.opened[target.service],
            "paths": paths,
            "origins": list(self._origins.allowed),
            "cookie_urls": list(self._origins.cookie_urls),
            "headers": headers,
            "axe": axe_script(self._run),
            "marks": marks.pattern(),
            "chromium": str(CHROMIUM),
            "screenshots": shots,
            "limit_s": self._limit_s,
            "page_limit_s": PAGE_LIMIT_S,
        }


def shots_of(service: str, pages: int) -> list[str]:
    """Names of the pictures of a service's pages.

    >>> shots_of("web app", 2)
    ['web-app.png', 'web-app-2.png']
    """
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", service).strip("-")[:60] or "service"
    return [f"{stem}{f'-{number}' if number > 1 else ''}.png" for number in range(1, pages + 1)]


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
