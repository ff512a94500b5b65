"""A visit of headless Chromium to an app's pages: `browser_program.py SWITCH... < job.json`.

It is a separate program, run with the tools' interpreter, because a page can crash a browser. It is
confined by `runtime/live/confine.py`, which also gives it switches for Chromium. The job names
pages, the app's own origins, the headers of a logged-in session, axe's script and limits. The
answer is JSON on standard output; pictures of the pages are files, named by the job.

Each page has its own browser context and therefore its own process: a script that never ends costs
only its own page's time.
"""

import asyncio
import html
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
    async_playwright,
)

NO_SANDBOX = "--no-sandbox"
# How a SOCKS proxy's refusal, or a failed connection behind it, looks in Chromium.
NO_WAY = "net::ERR_SOCKS_CONNECTION_FAILED"
MAX_EVENTS = 50
CLOSE_LIMIT_S = 5.0
PICTURE_LIMIT_MS = 10_000
AXE_RUN = "() => axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 300)), count: v.nodes.length})))"  # noqa: E501


class Visit:
    """The events of one page while it was open."""

    def __init__(self, path: str, origins: list[str]):
        self.path = path
        self.origins = set(origins)
        self.events: list[dict[str, Any]] = []
        self.left_for = ""

    def note(self, kind: str, text: str, url: str = "") -> None:
        """Keep an event, at most `MAX_EVENTS`."""
        if len(self.events) < MAX_EVENTS:
            self.events.append({"kind": kind, "text": text[:500], "url": url[:500]})

    def is_own(self, url: str) -> bool:
        """Whether `url` is the app's: nothing else can be reached."""
        return origin_of(url) in self.origins


def origin_of(url: str) -> str:
    """`scheme://host:port` as it is written in `url`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_mixed(request: Any) -> bool:
    """Whether a page that came over HTTPS loads a part of itself over plain HTTP."""
    if not request.url.startswith("http:") or request.is_navigation_request():
        return False
    return request.frame.url.startswith("https:")


class Watch:
    """Records console errors, exceptions, failed requests and mixed content of a page."""

    def __init__(self, page: Page, visit: Visit):
        self.page, self.visit = page, visit
        page.on("console", self.console)
        page.on("pageerror", self.exception)
        page.on("request", self.request)
        page.on("requestfailed", self.failed)
        page.on("response", self.response)

    def console(self, message: Any) -> None:
        """An error, or a request that Chromium itself blocked or sent over HTTPS."""
        text = message.text
        if text.startswith("Mixed Content:"):
            named = re.search(r"'(http:[^']+)'", text)
            self.visit.note("mixed-content", text, named[1] if named else "")
        elif message.type == "error" and "Failed to load resource" not in text:
            self.visit.note("console-error", text)

    def exception(self, error: Any) -> None:
        """An exception that ended a script."""
        self.visit.note("page-error", str(error))

    def request(self, request: Any) -> None:
        """Mixed content is noted here: most of it never gets an answer."""
        if is_mixed(request):
            self.visit.note("mixed-content", "asked for over plain HTTP", request.url)

    def failed(self, request: Any) -> None:
        """A request without an answer; the proxy itself lists those that it refused."""
        reason = (request.failure or "").replace(NO_WAY, "net::ERR_CONNECTION_REFUSED")
        if self.visit.is_own(request.url):
            if "ABORTED" not in reason:
                self.visit.note("failed-request", f"{request.method} {reason}", request.url)
        elif request.is_navigation_request() and request.frame == self.page.main_frame:
            self.visit.left_for = origin_of(request.url)

    def response(self, response: Any) -> None:
        """A part of the page that is answered with an error."""
        if response.status < 400 or response.url.endswith("/favicon.ico"):
            return
        method = response.request.method
        if not response.request.is_navigation_request():
            self.visit.note("failed-request", f"{method} {response.status}", response.url)


async def pass_on(route: Any) -> None:
    """Let a request go on unchanged."""
    await route.continue_()


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
            {"name": name, "value": value, "url": url}
            for url in job["cookie_urls"]
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
    """Open one page, wait until it is quiet, run axe, take a picture if it is wanted."""
    page = await context.new_page()
    visit = row["visit"]
    if set(job["headers"]) - {"Cookie"}:
        # A session's header is ours, and no reason for a preflight to the back end: with a route,
        # preflights are answered here.
        await page.route("**/*", pass_on)
    page.on("dialog", dismiss)
    Watch(page, visit)
    response = await page.goto(job["base_url"] + path, timeout=15_000, wait_until="load")
    row["status"] = response.status if response else 0
    try:
        await page.wait_for_load_state("networkidle", timeout=3_000)
    except Error:
        row["busy"] = True
    row["final"] = page.url
    if not visit.is_own(page.url):
        row["error"] = f"the page left for {visit.left_for or page.url}, which is not the app's"
        return
    if row["shot"]:
        row["picture"] = await pictured(page, row["shot"])
    await page.evaluate(job["axe"])
    row["violations"] = await page.evaluate(AXE_RUN)
    if marks := job.get("marks"):
        row["marked"] = re.search(marks, html.unescape(await page.content())) is not None


async def pictured(page: Page, name: str) -> str:
    """The name of a picture of the page; empty: none could be taken, and it is looked at anyway."""
    try:
        await page.screenshot(path=name, timeout=PICTURE_LIMIT_MS)
    except Error:
        return ""
    return name


async def visit_page(browser: Browser, job: dict[str, Any], path: str, shot: str) -> dict[str, Any]:
    """One page in its own context, within the job's limit for a page."""
    visit, limit_s = Visit(path, job["origins"]), job["page_limit_s"]
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
        reason = str(error).splitlines()[0][:300]
        row["error"] = f"led to {visit.left_for}, not the app's" if visit.left_for else reason
    if context is not None:
        await within(CLOSE_LIMIT_S, context.close())
    del row["visit"], row["shot"]
    return {**row, "events": visit.events}


async def within(limit_s: float, closing: Any) -> None:
    """Close something; a page that hangs must not delay the others."""
    try:
        async with asyncio.timeout(limit_s):
            await closing
    except (TimeoutError, Error):
        return


async def main() -> None:
    """Read the job, visit each page within the time limit, print the events."""
    job = json.load(sys.stdin)
    ends = time.monotonic() + job["limit_s"]
    play = await async_playwright().start()
    switches = [switch for switch in sys.argv[1:] if switch != NO_SANDBOX]
    browser = await play.chromium.launch(
        executable_path=job["chromium"],
        args=switches,
        chromium_sandbox=NO_SANDBOX not in sys.argv,
        timeout=60_000,
    )
    pages = []
    for number, path in enumerate(job["paths"]):
        if time.monotonic() > ends:
            pages.append({"path": path, "status": 0, "error": "not reached in time"})
            continue
        shot = job["screenshots"][number] if number < len(job["screenshots"]) else ""
        pages.append(await visit_page(browser, job, path, shot))
    json.dump({"version": browser.version, "pages": pages}, sys.stdout)
    sys.stdout.flush()
    await within(CLOSE_LIMIT_S, browser.close())
    await within(CLOSE_LIMIT_S, play.stop())


if __name__ == "__main__":
    asyncio.run(main())
