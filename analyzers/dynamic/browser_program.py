"""A pass of headless Chromium over an app's pages: `python -I browser_program.py < job.json`.

A program of its own, run with the tools' interpreter, because a browser is the one thing here that
a page can bring down. The job names pages, origins that may be asked, axe's script and limits; the
answer is JSON on standard output, the screenshot a file.
"""

import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (  # pyright: ignore[reportMissingImports]
    Error,
    Page,
    Route,
    sync_playwright,
)

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
LOOPBACK = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104 - names in a page's URLs
MAX_EVENTS = 50
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

    def __call__(self, route: Route) -> None:
        """Decide one request."""
        url = route.request.url
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self.origins or parts.scheme in {"data", "blob", "about"}:
            route.continue_()
        elif parts.hostname in LOOPBACK and self.backend:
            rest = url[len(origin) :]
            route.continue_(url=self.backend + rest)
        else:
            self.visit.blocked.append(origin)
            route.abort("blockedbyclient")


def watch(page: Page, visit: Visit) -> None:
    """Record console errors, exceptions, failed requests and mixed content."""
    own_scheme = urlsplit(page.url).scheme

    def on_console(message: Any) -> None:
        text = message.text
        if message.type == "error" and "Failed to load resource" not in text:
            visit.note("console-error", text)

    def on_failed(request: Any) -> None:
        reason = request.failure or ""
        if "BLOCKED_BY_CLIENT" not in reason and "ABORTED" not in reason:
            visit.note("failed-request", f"{request.method} {reason}", request.url)

    def on_response(response: Any) -> None:
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            if response.request.is_navigation_request():
                return
            visit.note(
                "failed-request", f"{response.request.method} {response.status}", response.url
            )
        if own_scheme == "https" and response.url.startswith("http:"):
            visit.note("mixed-content", "loaded over plain HTTP", response.url)

    def on_exception(error: Any) -> None:
        visit.note("page-error", str(error))

    page.on("console", on_console)
    page.on("pageerror", on_exception)
    page.on("requestfailed", on_failed)
    page.on("response", on_response)


def dismiss(dialog: Any) -> None:
    """Close an alert, so that the page goes on."""
    dialog.dismiss()


def look_at(context: Any, job: dict[str, Any], path: str, shot: str) -> dict[str, Any]:
    """Open one page, wait until it is quiet, run axe, take a picture of the first."""
    visit = Visit(path)
    page = context.new_page()
    page.route("**/*", Guard(job["origins"], job["backend"], visit))
    page.on("dialog", dismiss)
    watch(page, visit)
    row: dict[str, Any] = {"path": path, "status": 0, "error": "", "violations": None}
    try:
        response = page.goto(job["base_url"] + path, timeout=15_000, wait_until="load")
        row["status"] = response.status if response else 0
        try:
            page.wait_for_load_state("networkidle", timeout=3_000)
        except Error:
            row["busy"] = True
        if shot:
            page.screenshot(path=shot, timeout=10_000)
        page.evaluate(job["axe"])
        row["violations"] = page.evaluate(AXE_RUN)
    except Error as error:
        row["error"] = str(error).splitlines()[0][:300]
    finally:
        page.close()
    return {**row, "title": "", "events": visit.events, "blocked": sorted(set(visit.blocked))[:20]}


def main() -> None:
    """Read the job, visit each page within the time limit, print what happened."""
    job = json.load(sys.stdin)
    ends = time.monotonic() + job["limit_s"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=job["chromium"], args=ARGS, timeout=60_000)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800},
            service_workers="block",
            accept_downloads=False,
            extra_http_headers=job.get("headers", {}),
            bypass_csp=True,
        )
        pages = []
        for number, path in enumerate(job["paths"]):
            if time.monotonic() > ends:
                pages.append({"path": path, "status": 0, "error": "not reached in time"})
                continue
            pages.append(look_at(context, job, path, job["screenshot"] if number == 0 else ""))
        version = browser.version
        browser.close()
    json.dump({"version": version, "pages": pages}, sys.stdout)


if __name__ == "__main__":
    main()
