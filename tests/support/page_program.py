"""Looks at reports in headless Chromium: `page_program.py < job.json` prints what it saw.

It runs in the environment of the dynamic analyzer, where the browser's driver is installed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Content of an A4 page in CSS pixels, without the margins that the page asks for.
PAPER = {"portrait": 711, "landscape": 1040}
LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": PHONE}}
COUNT = "document.getElementsByTagName('*').length"
BEYOND = """() => {
  const edge = document.documentElement.clientWidth + 1;
  const seen = [...document.querySelectorAll("main *, header *, footer *")]
    .filter((e) => e.checkVisibility() && e.getClientRects().length
      && !e.closest(".hide, .stack thead"));
  return {
    beyond: seen.filter((e) => e.getBoundingClientRect().right > edge)
      .map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`).slice(0, 5),
    cut: seen.filter((e) => e.matches("th, td") && e.scrollWidth > e.clientWidth + 1)
      .map((e) => `${e.className} ${e.textContent.trim().slice(0, 40)}`).slice(0, 5),
    columns: [...document.querySelectorAll(".matrix thead .tool")].filter((e) =>
      e.getBoundingClientRect().width >= 10).length,
  };
}"""
SCROLLS = """() => [...document.querySelectorAll("main > section .scroll")]
  .filter((e) => !e.closest("details") && e.scrollWidth > e.clientWidth)
  .map((e) => e.getAttribute("aria-label"))"""
FOCUS = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return e.matches(".scroll") && visible ? e.getAttribute("aria-label") : "";
}"""
HEAD = """() => {
  const area = document.querySelector(".scroll.tall"), top = area.getBoundingClientRect().top;
  area.scrollTo(area.scrollWidth, area.scrollHeight);
  const head = area.querySelector("thead .tool").getBoundingClientRect();
  const side = area.querySelector("tbody:last-child th[scope=row]").getBoundingClientRect();
  return {scrolled: area.scrollTop, head: head.top - top,
    side: side.left - area.getBoundingClientRect().left};
}"""
HOSTILE = """() => ({
  images: document.images.length, scripts: document.scripts.length,
  text: document.querySelector("#missing ~ table").textContent.includes("<img src=x onerror="),
})"""
ONE_OPEN = """() => {
  for (const app of document.querySelectorAll("details.app")) app.open = app.id === "app-0";
  for (const one of document.querySelectorAll("details.more")) one.open = true;
  for (const one of [...document.querySelectorAll("td details")].slice(0, 3)) one.open = true;
}"""
PICTURES = """() => [...document.querySelectorAll("svg.picture")].map((e) => ({
  name: e.getAttribute("aria-labelledby").split(" ")[0],
  cut: [...e.querySelectorAll("text")].filter((t) => {
    const box = t.getBBox(), m = t.getCTM(), all = e.viewBox.baseVal;
    return !t.getAttribute("transform") && (box.x < -1 || box.x + box.width > all.width + 1);
  }).map((t) => t.textContent),
}))"""
AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => ({id: one.id, at: one.nodes.slice(0, 3).map((n) => n.target.join(" ") + ": "
    + n.any.map((a) => a.message).join("; "))}))"""


def opened(browser: Browser, path: str, **context: Any) -> Page:
    """The report at `path` in a browser context of its own."""
    page = browser.new_context(**({"viewport": DESK} | context)).new_page()
    page.goto(Path(path).as_uri())
    return page


def violations(browser: Browser, path: str, axe: str, **context: Any) -> list[dict[str, Any]]:
    """Serious and critical violations that axe sees, with one app open and all in it."""
    page = opened(browser, path, **context)
    page.evaluate(ONE_OPEN)
    page.evaluate(axe)
    return page.evaluate(AXE)


def on_paper(browser: Browser, path: str) -> dict[str, Any]:
    """What is lost on paper, by orientation of the page."""
    seen = {}
    for way, width in PAPER.items():
        page = opened(browser, path, viewport={"width": width, "height": 900})
        page.emulate_media(media="print")
        seen[way] = page.evaluate(BEYOND)
    return seen


def page_width(browser: Browser, path: str, width: int) -> int:
    """How wide the page is in a window of `width` CSS pixels."""
    page = opened(browser, path, viewport={"width": width, "height": 844})
    return page.evaluate("document.documentElement.scrollWidth")


def by_keyboard(page: Page) -> dict[str, Any]:
    """All scroll areas, those that Tab reaches, and whether an arrow key scrolls one of them."""
    wanted, reached = page.evaluate(SCROLLS), set()
    moved = 0
    for _ in range(60):
        page.keyboard.press("Tab")
        if label := page.evaluate(FOCUS):
            reached.add(label)
            if "Matrix" in label and not moved:
                moved = pressed_until_moved(page)
    return {"wanted": wanted, "reached": sorted(reached), "moved": moved}


def pressed_until_moved(page: Page) -> float:
    """How far the focused area scrolled; scrolling takes a moment."""
    moved = 0.0  # read from outside: the page's policy lets nothing in it poll
    page.keyboard.press("End")
    for _ in range(50):
        page.keyboard.press("ArrowRight")
        if moved := page.evaluate("document.activeElement.scrollLeft"):
            break
        page.wait_for_timeout(100)
    return moved


def at_size(browser: Browser, path: str) -> dict[str, Any]:
    """Number of elements of an untouched page of many apps; position of heads when scrolled."""
    page = opened(browser, path)
    return {"elements": page.evaluate(COUNT), "head": page.evaluate(HEAD)}


def unread(browser: Browser, path: str) -> dict[str, Any]:
    """Apps that are parsed when they are opened: after a link, a search, and without scripts."""
    page = opened(browser, path)
    page.goto(f"{Path(path).as_uri()}#app-7")
    rows = page.locator("#app-7 table.found tbody tr")
    seen: dict[str, Any] = {"linked": rows.count(), "hostile": page.evaluate(HOSTILE)}
    for name, words in (("found_none", "no-such-word"), ("found", "handlers.py model-1.5")):
        page.locator("form.apps [name=words]").fill(words)
        seen[name] = page.locator("details.app:visible").count()
    plain = opened(browser, path, java_script_enabled=False)
    seen["plain"] = plain.locator("details.app table.found tbody tr").count()
    return seen


def of_app(browser: Browser, path: str) -> dict[str, Any]:
    """The page of one app: its filter, and the way from and to the page of the fleet."""
    page = opened(browser, path)
    page.locator("#app-0 a").last.click()
    page.wait_for_load_state()
    rows = page.locator("table.found tbody tr")
    seen: dict[str, Any] = {"all": rows.count(), "title": page.title()}
    page.locator("[name=words]").fill(page.locator("table.found .sub").first.inner_text())
    seen["filtered"] = rows.locator("visible=true").count()
    page.locator("[name=words]").fill("")
    page.locator("[name=severity]").select_option("high")
    seen["high"] = rows.locator("visible=true").count()
    page.get_by_text("all apps").click()
    seen["back"] = page.url.rpartition("/")[2]
    return seen


def main() -> None:
    """Read the job, look at the page, print what it saw."""
    job = json.load(sys.stdin)
    axe = Path(job["axe"]).read_text()
    small, lazy, wide = job["small"], job["lazy"], job["wide"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=job["chromium"], args=list(SWITCHES))
        phone = opened(browser, wide, viewport=PHONE)
        seen = {
            "axe": {
                "light": violations(browser, small, axe),
                "dark": violations(browser, small, axe, color_scheme="dark"),
                "phone": violations(browser, small, axe, viewport=PHONE),
                "lazy": violations(browser, lazy, axe),
                **{
                    f"{name} {look}": violations(browser, job[name], axe, **context)
                    for name in ("full", "app")
                    for look, context in LOOKS.items()
                },
            },
            "pictures": opened(browser, job["full"]).evaluate(PICTURES),
            "app": of_app(browser, small),
            "paper": on_paper(browser, wide),
            "full paper": on_paper(browser, job["full"]),
            "app paper": on_paper(browser, job["app"]),
            "phone": phone.evaluate(BEYOND),
            "widths": {
                f"{name} {width}": page_width(browser, job[name], width)
                for name in ("wide", "full", "app")
                for width in (390, 705, 768, 1024)
            },
            "keyboard": by_keyboard(opened(browser, wide, viewport=PHONE)),
            "size": at_size(browser, job["large"]),
            "unread": unread(browser, lazy),
        }
        browser.close()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
