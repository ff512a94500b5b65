"""A headless Chromium that a test drives: a line of JSON per step, a line of JSON per answer.

It runs in the environment of the dynamic analyzer, where the browser's driver is installed. The
first line of standard input is the job: `chromium`, `axe`, `origin`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from page_program import AXE, DESK, PHONE, SWITCHES
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    sync_playwright,
)

LIMIT_MS = 240_000
NAMES = """() => [...document.querySelectorAll("input, select, textarea, button, summary, a")]
  .filter((e) => e.checkVisibility() && e.type !== "hidden")
  .filter((e) => !(e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby")
    || e.textContent.trim() || e.title || e.querySelector("img[alt], svg")))
  .map((e) => e.outerHTML.slice(0, 120))"""
SHAPE = """() => ({
  h1: [...document.querySelectorAll("h1")].map((e) => e.textContent.trim()),
  title: document.title, lang: document.documentElement.lang,
  width: document.documentElement.scrollWidth, window: document.documentElement.clientWidth,
})"""


class Hands:
    """One person at one window; what scripts complain about is kept."""

    def __init__(self, browser: Browser, job: dict[str, Any]) -> None:
        self._browser, self._origin = browser, job["origin"]
        self._axe = Path(job["axe"]).read_text()
        self._complaints: list[str] = []
        self._lost: list[str] = []
        self._page = self._window(browser.new_context(viewport=DESK))

    def _window(self, context: BrowserContext) -> Page:
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self._complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._hear(page, said))
        page.on("requestfailed", self._note_failed)
        page.on("response", self._note_refused)
        return page

    def _note_failed(self, request: Request) -> None:
        self._lost.append(f"{request.method} {request.url}: {request.failure}")

    def _note_refused(self, response: Response) -> None:
        if response.status >= 400:
            self._lost.append(f"{response.request.method} {response.url}: {response.status}")

    def state(self) -> str:
        """What the page shows, and which requests failed lately."""
        return "\n".join([self.text("body")[:3000], *self._lost[-20:]])

    def _hear(self, page: Page, said: ConsoleMessage) -> None:
        if said.type == "error":
            self._complaints.append(f"{page.url}: {said.text}")

    def new_window(self, **context: Any) -> None:
        """Another window, with the cookies of this one."""
        kept = self._page.context.storage_state()
        self._page = self._window(
            self._browser.new_context(**({"viewport": DESK, "storage_state": kept} | context))
        )

    def open(self, path: str) -> dict[str, Any]:
        """Go to a page, or to a whole address."""
        url = path if path.startswith("http") else f"{self._origin}{path}"
        answer = self._page.goto(url)
        return {"status": answer.status if answer else 0} | self._page.evaluate(SHAPE)

    def click(self, role: str, name: str) -> str:
        """Click what has that role and name; the address afterwards."""
        self._page.get_by_role(role, name=name, exact=True).first.click()
        self._page.wait_for_load_state()
        return self._page.url

    def fill(self, label: str, text: str) -> None:
        """Write into the field with that label."""
        self._page.get_by_label(label, exact=True).first.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from the list with that label."""
        self._page.get_by_label(label, exact=True).first.select_option(option)

    def check(self, label: str) -> None:
        """Tick the box with that label."""
        self._page.get_by_label(label, exact=True).first.check()

    def boxes(self, name: str, ticked: list[str]) -> None:
        """Tick those boxes of a group, and no others."""
        for box in self._page.locator(f"input[type=checkbox][name={name}]").all():
            box.set_checked(box.get_attribute("value") in ticked)

    def press(self, keys: list[str]) -> str:
        """Press keys one after another; what has the focus then."""
        for key in keys:
            self._page.keyboard.press(key)
        return self._page.evaluate("document.activeElement.outerHTML.slice(0, 200)")

    def focus(self, selector: str) -> None:
        """Let the keyboard be there."""
        self._page.locator(selector).first.focus()

    def unfold(self, selector: str) -> None:
        """Open what is folded there."""
        self._page.locator(f"{selector} summary").first.click()

    def focused(self) -> str:
        """Where the keyboard is."""
        return self._page.evaluate("document.activeElement.outerHTML.slice(0, 200)")

    def typed(self, label: str) -> str:
        """What stands in the field with that label."""
        return self._page.get_by_label(label, exact=True).first.input_value()

    def back(self) -> str:
        """Go back as by the browser's button; the text of the page then."""
        self._page.go_back()
        return self.text("body")

    def wait(self, text: str, selector: str = "body") -> str:
        """Wait, without a reload, until the page shows the text there."""
        found = self._page.locator(selector).filter(has_text=text).first
        found.wait_for()  # to be seen
        return found.inner_text()

    def until(self, selector: str, count: int) -> None:
        """Wait, without a reload, until there are so many."""
        self._page.locator(selector).nth(count - 1).wait_for(timeout=5 * LIMIT_MS)

    def gone(self, selector: str) -> None:
        """Wait, without a reload, until nothing of the kind is to be seen."""
        self._page.locator(selector).first.wait_for(state="hidden")

    def lose(self, pattern: str, times: int) -> None:
        """Let the next requests for these addresses find nobody."""
        self._page.route(pattern, lambda route: route.abort(), times=times)

    def mark(self) -> None:
        """Leave something in the page that a reload would remove."""
        self._page.evaluate("window.left = true")

    def is_marked(self) -> bool:
        """Whether it is the page that was marked, not loaded again."""
        return self._page.evaluate("window.left === true")

    def text(self, selector: str = "main") -> str:
        """What stands there."""
        return self._page.locator(selector).first.inner_text()

    def count(self, selector: str) -> int:
        """How many there are."""
        return self._page.locator(selector).count()

    def links(self, selector: str = "main a") -> list[str]:
        """Addresses of links."""
        script = "(all) => all.map((e) => e.getAttribute('href'))"
        return self._page.locator(selector).evaluate_all(script)

    def url(self) -> str:
        """Where the window is."""
        return self._page.url

    def download(self, role: str, name: str) -> dict[str, Any]:
        """Click a link that is a download."""
        with self._page.expect_download() as started:
            self._page.get_by_role(role, name=name, exact=True).first.click()
        path = started.value.path()
        return {"name": started.value.suggested_filename, "bytes": path.stat().st_size}

    def complaints(self) -> list[str]:
        """What scripts and the policy complained about until now; asked once."""
        said, self._complaints[:] = list(self._complaints), []
        return said

    def looked_at(self, path: str) -> dict[str, Any]:
        """What axe and we see in a page: by day, by night, and in a narrow window.

        Without a path it is the page that is open, as it is.
        """
        if path:
            self.open(path)
        seen: dict[str, Any] = self._page.evaluate(SHAPE)
        self._page.evaluate(self._axe)
        seen["light"] = self._page.evaluate(AXE)
        seen["nameless"] = self._page.evaluate(NAMES)
        self._page.emulate_media(color_scheme="dark")
        seen["dark"] = self._page.evaluate(AXE)
        self._page.emulate_media(color_scheme="light")
        self._page.set_viewport_size(PHONE)
        seen["phone"] = self._page.evaluate(AXE)
        seen["narrow"] = self._page.evaluate(SHAPE)
        self._page.set_viewport_size(DESK)
        return seen

    def picture(self, path: str, file: str, height: int = 900, dark: bool = False) -> None:
        """Write a picture of a page to a file."""
        self._page.set_viewport_size(DESK | {"height": height})
        self._page.emulate_media(color_scheme="dark" if dark else "light")
        self.open(path)
        self._page.wait_for_load_state("domcontentloaded")
        self._page.screenshot(path=file)


def main() -> None:
    """Do what is asked for until standard input ends."""
    job = json.loads(sys.stdin.readline())
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=job["chromium"], args=list(SWITCHES))
        hands = Hands(browser, job)
        for line in sys.stdin:
            step = json.loads(line)
            try:
                answer = {"saw": getattr(hands, step["do"])(**step["with"])}
            except Error as error:
                answer = {"failed": str(error)[:2000], "page": hands.state()}
            print(json.dumps(answer), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
