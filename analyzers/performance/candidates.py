"""Paths that an app names outside its routes: links of its pages, addresses in its files."""

import contextlib
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from analyzers.runtime.tool import SourceTree

_MAX_LINKS = 200
_MAX_FILES = 300
_MAX_FILE_BYTES = 400_000
_MAX_HINTS = 20
_TEXTS = (
    *(".py", ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".vue", ".svelte", ".html"),
    *(".md", ".txt", ".yml", ".yaml", ".rst", ".conf", "Dockerfile"),
)
# `curl http://localhost:8000/shop/` in a README or a health check,
# `fetch("http://localhost:5000/x")`
_ADDRESS = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d{1,5})?(/[\w\-./~]{1,150})"
)
# `fetch("/api/items")`, `if self.path == "/shop/"`
_LITERAL = re.compile(r"""["'`](/[A-Za-z][\w\-./]{0,150})["'`]""")
_FILES_OF_A_SYSTEM = re.compile(r"/(?:bin|dev|etc|lib|mnt|opt|proc|sys|tmp|usr|var)\b")
_WRITES = re.compile(r"\b(?:POST|PUT|PATCH|DELETE)\b|\.(?:post|put|patch|delete)\(")
_NO_PAGE = re.compile(
    r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|mp[34]|zip|pdf|py|ts|vue|md)$", re.I
)


class _Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note `<a href>`; a link to a download is no page."""
        words = dict(attrs)
        href = words.get("href")
        if tag in {"a", "area"} and href and "download" not in words:
            self.found.append(href)


def links_of(url: str, body: bytes) -> tuple[str, ...]:
    """Distinct paths (with query) within the origin of `url` that a page links to."""
    reader = _Links()
    with contextlib.suppress(ValueError, AssertionError):  # the parser fails on hostile markup
        reader.feed(body.decode("utf-8", "replace"))
    return tuple(
        dict.fromkeys(path for href in reader.found[:_MAX_LINKS] if (path := _local(url, href)))
    )


def _local(url: str, href: str) -> str:
    try:
        parts, own = urlsplit(urljoin(url, href.strip())), urlsplit(url)
    except ValueError:
        return ""
    if parts.netloc != own.netloc or parts.scheme not in {"http", "https"}:
        return ""
    if not parts.path or _NO_PAGE.search(parts.path):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def hinted_paths(source: SourceTree) -> tuple[str, ...]:
    """Paths in the app's own texts: whole local addresses first, then literals that look like one.

    They are guesses: a path that does not answer is not counted as missing.
    """
    addresses: list[str] = []
    literals: list[str] = []
    for name in source.matching(*_TEXTS)[:_MAX_FILES]:
        for line in _text(source.root / name).splitlines():
            if len(line) < 1_000 and not _WRITES.search(line):
                addresses += _ADDRESS.findall(line)
                literals += (
                    []
                    if name.endswith((".md", ".txt", ".yml", ".yaml", "Dockerfile"))
                    else _LITERAL.findall(line)
                )
    return tuple(dict.fromkeys(_kept((*addresses, *literals))))[:_MAX_HINTS]


def _kept(paths: Iterable[str]) -> Iterable[str]:
    return (
        path
        for path in paths
        if path != "/"
        and "//" not in path
        and not _NO_PAGE.search(path)
        and not _FILES_OF_A_SYSTEM.match(path)
    )


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
