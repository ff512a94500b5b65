"""A pass of headless Chromium over an app's pages: `python -I browser_program.py < job.json`.

A program of its own, run with the tools' interpreter, because a browser is the one thing here that
a page can bring down. The job names pages, origins that may be asked, the headers of a logged-in
session, axe's script and limits; the answer is JSON on standard output, the screenshot a file.

Each page has a browser context, and so a process, of its own: a script that never ends costs that
page its time and no other page anything.
"""

import asyncio
import json
import re
import sys
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (  # pyright: ignore[reportMissingImports]
    Browser,
    BrowserContext,
    Error,
    Page,
    Route,
    async_playwright,
)

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
LOOPBACK = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104 - names in a page's URLs
MAX_EVENTS = 50
CLOSE_LIMIT_S = 5.0
AXE_RUN = "() => axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 300)), count: v.nodes.length})))"  # noqa: E501


class Visit:
    """What one page did while it was open."""

    def __init__(self, path: str):
        self.path = path
        self.events: list[dict[str, Any]] = []
        self.blocked: list[str] = []

    def note(self, kind: str, text: str, url: str = "") -> None:
        """Keep an event, at most `MAX_EVENTS`."""
        if len(self.events) < MAX_EVENTS:
            self.events.append({"kind": kind, "text": text[:500], "url": url[:500]})


class Guard:
    """Lets requests to the app through, sends fixed local back-end addresses to the back end."""

    def __init__(self, origins: list[str], backend: str, visit: Visit):
        self.origins, self.backend, self.visit = set(origins), backend, visit

    async def __call__(self, route: Route) -> None:
        """Decide one request."""
        url = route.request.url
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if is_mixed(route.request):  # noted here: most of them never get an answer
            self.visit.note("mixed-content", "asked for over plain HTTP", url)
        if origin in self.origins or parts.scheme in {"data", "blob", "about"}:
            await route.continue_()
        elif parts.hostname in LOOPBACK and self.backend:
            await route.continue_(url=self.backend + url[len(origin) :])
        else:
            self.visit.blocked.append(origin)
            await route.abort("blockedbyclient")


def is_mixed(request: Any) -> bool:
    """Whether a page that came over HTTPS asks for a part of itself over plain HTTP."""
    if not request.url.startswith("http:") or request.is_navigation_request():
        return False
    return request.frame.url.startswith("https:")


def watch(page: Page, visit: Visit) -> None:
    """Record console errors, exceptions, failed requests and mixed content."""

    def on_console(message: Any) -> None:
        text = message.text
        if text.startswith("Mixed Content:"):  # what Chromium itself stopped or sent over HTTPS
            named = re.search(r"'(http:[^']+)'", text)
            visit.note("mixed-content", text, named[1] if named else "")
        elif message.type == "error" and "Failed to load resource" not in text:
            visit.note("console-error", text)

    def on_failed(request: Any) -> None:
        reason = request.failure or ""
        if "BLOCKED_BY_CLIENT" not in reason and "ABORTED" not in reason:
            visit.note("failed-request", f"{request.method} {reason}", request.url)

    def on_response(response: Any) -> None:
        if response.status < 400 or response.url.endswith("/favicon.ico"):
            return
        if not response.request.is_navigation_request():
            visit.note(
                "failed-request", f"{response.request.method} {response.status}", response.url
            )

    def on_exception(error: Any) -> None:
        visit.note("page-error", str(error))

    page.on("console", on_console)
    page.on("pageerror", on_exception)
    page.on("requestfailed", on_failed)
    page.on("response", on_response)


async def dismiss(dialog: Any) -> None:
    """Close an alert, so that the page goes on."""
    await dialog.dismiss()


async def new_context(browser: Browser, job: dict[str, Any]) -> BrowserContext:
    """A browser of a logged-in person, where the job has a session's headers."""
    headers = dict(job["headers"])
    cookies = cookies_of(headers.pop("Cookie", ""))
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800},
        service_workers="block",
        accept_downloads=False,
        extra_http_headers=headers,
        bypass_csp=True,
        ignore_https_errors=True,
    )
    await context.add_cookies(
        [
            {"name": name, "value": value, "url": origin}
            for origin in job["origins"]
            for name, value in cookies.items()
        ]
    )
    return context


def cookies_of(header: str) -> dict[str, str]:
    """Names and values of a `Cookie` header."""
    jar = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return {}
    return {name: morsel.coded_value for name, morsel in jar.items()}


async def look_at(context: BrowserContext, job: dict[str, Any], path: str, row: Any) -> None:
    """Open one page, wait until it is quiet, run axe, take a picture where one is asked for."""
    page = await context.new_page()
    visit = row["visit"]
    await page.route("**/*", Guard(job["origins"], job["backend"], visit))
    page.on("dialog", dismiss)
    watch(page, visit)
    response = await page.goto(job["base_url"] + path, timeout=15_000, wait_until="load")
    row["status"] = response.status if response else 0
    try:
        await page.wait_for_load_state("networkidle", timeout=3_000)
    except Error:
        row["busy"] = True
    row["final"] = page.url
    if row["shot"]:
        await page.screenshot(path=row["shot"], timeout=10_000)
    await page.evaluate(job["axe"])
    row["violations"] = await page.evaluate(AXE_RUN)


async def visit_page(browser: Browser, job: dict[str, Any], path: str, shot: str) -> dict[str, Any]:
    """One page in a context of its own, within the job's limit for a page."""
    visit, limit_s = Visit(path), job["page_limit_s"]
    row: dict[str, Any] = {"path": path, "status": 0, "error": "", "violations": None}
    row |= {"visit": visit, "shot": shot}
    context: BrowserContext | None = None
    try:
        async with asyncio.timeout(limit_s):
            context = await new_context(browser, job)
            await look_at(context, job, path, row)
    except TimeoutError:
        row["error"] = f"the page did not come to rest within {limit_s:g} s"
    except Error as error:
        row["error"] = str(error).splitlines()[0][:300]
    if context is not None:
        await within(CLOSE_LIMIT_S, context.close())
    del row["visit"], row["shot"]
    return {**row, "events": visit.events, "blocked": sorted(set(visit.blocked))[:20]}


async def within(limit_s: float, closing: Any) -> None:
    """Close something; a page that hangs must not hold up the others."""
    try:
        async with asyncio.timeout(limit_s):
            await closing
    except (TimeoutError, Error):
        return


async def main() -> None:
    """Read the job, visit each page within the time limit, print what happened."""
    job = json.load(sys.stdin)
    ends = time.monotonic() + job["limit_s"]
    play = await async_playwright().start()
    browser = await play.chromium.launch(executable_path=job["chromium"], args=ARGS, timeout=60_000)
    pages = []
    for number, path in enumerate(job["paths"]):
        if time.monotonic() > ends:
            pages.append({"path": path, "status": 0, "error": "not reached in time"})
            continue
        shot = job["screenshot"] if number == 0 else ""
        pages.append(await visit_page(browser, job, path, shot))
    json.dump({"version": browser.version, "pages": pages}, sys.stdout)
    sys.stdout.flush()
    await within(CLOSE_LIMIT_S, browser.close())
    await within(CLOSE_LIMIT_S, play.stop())


if __name__ == "__main__":
    asyncio.run(main())
