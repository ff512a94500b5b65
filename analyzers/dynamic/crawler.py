"""Follows links from page to page of one running service, and says which it left out."""

import re
import secrets
from collections import Counter
from dataclasses import dataclass, field

from analyzers.dynamic.crawl import (
    Page,
    form_operation,
    is_safe_to_follow,
    link_operation,
    link_operation_of,
    local_paths,
    script_paths,
)
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.http import Answer, BoundedClient
from analyzers.dynamic.surface import Operation

MAX_PAGES = 120
MAX_ALIKE = 6  # pages that differ in ids or parameter values only
UNSAFE = "not followed: its name says that it changes something"


@dataclass(slots=True)
class Crawl:
    """What one crawl gathered."""

    pages: dict[str, str] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    missing_status: int = 404
    missing_body: bytes = b""

    def is_asset(self, one: Operation) -> bool:
        """Whether it is a picture, a font, a style or a script: nothing to attack."""
        media = self.pages.get(one.path, "")
        return media.startswith(("image/", "font/", "text/css")) or "javascript" in media


async def crawl_service(
    client: BoundedClient, declared: list[Operation], headers: dict[str, str]
) -> Crawl:
    """Visit the start page, what is `declared` without parameters, and what those link to.

    At most `MAX_PAGES`; what lies beyond is left out by name in `client`.
    """
    state = Crawl()
    missing = await client.get(f"/{secrets.token_hex(12)}")
    if missing:
        state.missing_status, state.missing_body = missing.status, missing.body
    plain = [one.path for one in declared if one.method == "GET" and "{" not in one.path]
    queue = list(dict.fromkeys(["/", "/robots.txt", "/sitemap.xml", *plain]))
    queued, alike, visited = set(queue), Counter[tuple[str, ...]](), 0
    while queue:
        path = queue.pop(0)
        if reason := _left_out(path, alike, visited):
            client.leave_out(f"GET {path}", reason)
            continue
        visited += 1
        answer = await client.follow(path, headers=headers)
        if answer and answer.status < 400:
            onward = [one for one in _read(state, client, answer, path) if one not in queued]
            queue += onward
            queued.update(onward)
    return state


def _left_out(path: str, alike: Counter[tuple[str, ...]], visited: int) -> str:
    """Why a path is not visited; empty when it is."""
    if not is_safe_to_follow(path):
        return UNSAFE
    if visited >= MAX_PAGES:
        return f"beyond the first {MAX_PAGES} pages"
    likeness = (stable_path(path), *sorted(re.findall(r"[?&]([^=&]+)", path)))
    alike[likeness] += 1
    return f"beyond {MAX_ALIKE} pages of one kind" if alike[likeness] > MAX_ALIKE else ""


def _read(state: Crawl, client: BoundedClient, answer: Answer, asked: str) -> list[str]:
    """Note what a page holds; returns the links to follow."""
    is_fallback = answer.body == state.missing_body and state.missing_status < 400
    if is_fallback and asked != "/":
        return []
    state.pages[asked] = answer.media_type
    if asked not in {"/robots.txt", "/sitemap.xml"}:
        state.operations.append(link_operation(asked))
    if "javascript" in answer.media_type:
        paths = script_paths(answer.text)
        state.operations += [_from_script(one) for one in paths]
        return [one for one in paths if "{" not in one]
    if not answer.is_html:
        return []
    page, base_url = Page(answer.text), client.target.base_url
    forms = [form_operation(base_url, answer.path, one) for one in page.forms]
    state.operations += [one for one in forms if one]
    return local_paths(base_url, answer.path, page.links)


def _from_script(path: str) -> Operation:
    return link_operation_of("GET", path, False).model_copy(
        update={"origins": ("crawl",), "auth": None}
    )
