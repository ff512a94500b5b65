"""Every page of a dashboard, found as a reader finds it: by following links."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

from tests.support.every_route import page_routes

# What is no page of its own: streams, files, exports, and the address that is good once.
NO_PAGE = re.compile(r"/events$|/file$|/export$|^/enter$|^/files/")


class Links(HTMLParser):
    """Addresses of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where a link leads."""
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.found.append(href)


def templates() -> dict[str, re.Pattern[str]]:
    """The paths of all pages that can be read, with patterns of the addresses that they match."""
    return {
        route.path: re.compile(re.sub(r"\{[^}]+\}", "[^/]+", route.path) + "$")
        for route in page_routes("GET")
    }


def template_of(url: str) -> str:
    """Which of them an address is of; empty: none. A path without a parameter goes first."""
    path = urlsplit(url).path
    known = sorted(templates().items(), key=lambda one: one[0].count("{"))
    return next((name for name, pattern in known if pattern.match(path)), "")


def crawled(client: httpx.Client, first: Iterable[str], each: int = 2) -> dict[str, list[str]]:
    """Addresses by template: every link that leads to a page of ours, `each` of one template.

    A template whose links lead to files has none.

    Raises:
        AssertionError: a link leads nowhere.
    """
    seen: dict[str, list[str]] = {}
    waiting, known = [*first], set(first)
    while waiting:
        url = waiting.pop(0)
        template = template_of(url)
        if len(seen.get(template, ())) >= each or NO_PAGE.search(template):
            continue
        answer = client.get(url, follow_redirects=True)
        assert answer.status_code == 200, f"{url}: {answer.status_code}: {answer.text[:2000]}"
        found = seen.setdefault(template, [])
        if not answer.headers["content-type"].startswith("text/html") or (
            "attachment" in answer.headers.get("content-disposition", "")
        ):
            continue
        found.append(url)
        links = Links()
        links.feed(answer.text)
        for link in links.found:
            target = urldefrag(urljoin(str(answer.url), link)).url
            if urlsplit(target).netloc == urlsplit(str(answer.url)).netloc:
                path = target.removeprefix(str(client.base_url).rstrip("/"))
                if path not in known and template_of(path):
                    known.add(path)
                    waiting.append(path)
    return seen
