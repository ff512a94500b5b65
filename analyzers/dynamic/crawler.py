"""Follows links from page to page of one running service, and names those it left out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.crawl import (
    LEAVES,
    Page,
    form_operation,
    is_safe_to_follow,
    link_operation,
    link_operation_of,
    local_paths,
    script_paths,
)
from analyzers.dynamic.entries import GUESSES
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.marks import shows_payload
from analyzers.dynamic.surface import Operation
from analyzers.runtime.live.answers import Unseen

MAX_PAGES = 120
MAX_ALIKE = 6  # pages that differ only in ids or parameter values
UNSAFE = "not followed: its name says that it changes something"
OURS = "put there by a probe of ours"
LISTS = ("/robots.txt", "/sitemap.xml")
MOVED = {Unseen.TO_LOGIN, Unseen.TO_OTHER_ORIGIN}


@dataclass(slots=True)
class Crawl:
    """The results of one crawl.

    Attributes:
        effects: paths whose handlers change something, with the evidence.
        harmless: paths whose handlers were read and change nothing.
    """

    pages: dict[str, str] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    effects: dict[str, str] = field(default_factory=dict)
    harmless: set[str] = field(default_factory=set)

    def is_asset(self, operation: Operation) -> bool:
        """Whether it is a picture, a font, a style or a script: nothing to attack."""
        media = self.pages.get(operation.path, "")
        return media.startswith(("image/", "font/", "text/css")) or "javascript" in media

    @property
    def entry(self) -> str:
        """Where the app begins: `/`, or the shortest path that shows a page."""
        shown = [path for path, media in self.pages.items() if media == "text/html"]
        return "/" if "/" in self.pages or not shown else min(shown, key=len)


async def crawl_service(
    client: BoundedClient,
    declared: list[Operation],
    headers: dict[str, str],
    entries: Sequence[str] = (),
) -> Crawl:
    """Visit the start page, `declared` operations without parameters, and the pages they link to.

    At most `MAX_PAGES`; `client` names the paths beyond that.

    Args:
        client: judges the answers; an answer that is no page of the app is not read.
        declared: operations of the app's source, template and document.
        headers: of a session.
        entries: paths that the app's files name as its own.
    """
    state = Crawl()
    gets = [
        operation
        for operation in declared
        if operation.method == "GET" and "{" not in operation.path
    ]
    state.effects = {get.path: get.effect for get in gets if get.effect}
    state.harmless = {get.path for get in gets if "source" in get.origins and not get.effect}
    declared_paths = {get.path for get in gets}
    client.guessed.update(f"GET {path}" for path in ("/", *LISTS) if path not in declared_paths)
    queue = _Queue(["/", *LISTS, *(get.path for get in gets), *entries])
    await _visit(state, client, queue, headers)
    if not any(path not in LISTS for path in state.pages):
        client.guessed.update(f"GET {path}" for path in GUESSES)
        queue.add(GUESSES)
        await _visit(state, client, queue, headers)
    return state


class _Queue:
    """Paths still to visit, each once."""

    def __init__(self, paths: Sequence[str]):
        self.waiting: list[str] = []
        self.known = set[str]()
        self.alike = Counter[tuple[str, ...]]()
        self.visited = 0
        self.add(paths)

    def add(self, paths: Sequence[str]) -> None:
        """Append the paths that were never in it."""
        fresh = [path for path in dict.fromkeys(paths) if path not in self.known]
        self.waiting += fresh
        self.known.update(fresh)

    def left_out(self, path: str, state: Crawl) -> str:
        """Why a path is not visited; empty when it is."""
        if reason := state.effects.get(path.split("?")[0]):
            return f"not followed: {reason}"[:300]
        if not is_safe_to_follow(path, state.harmless):
            return UNSAFE
        if self.visited >= MAX_PAGES:
            return f"beyond the first {MAX_PAGES} pages"
        likeness = (stable_path(path), *sorted(re.findall(r"[?&]([^=&]+)", path)))
        self.alike[likeness] += 1
        is_beyond = self.alike[likeness] > MAX_ALIKE
        return f"beyond {MAX_ALIKE} pages of one kind" if is_beyond else ""


async def _visit(
    state: Crawl, client: BoundedClient, queue: _Queue, headers: dict[str, str]
) -> None:
    while queue.waiting:
        path = queue.waiting.pop(0)
        if reason := queue.left_out(path, state):
            client.leave_out(f"GET {path}", reason)
            if "?" in path and LEAVES.search(path):  # known, though nobody is logged out for it
                state.operations.append(link_operation(path))
            continue
        queue.visited += 1
        answer = await client.follow(path, headers=headers)
        if answer and answer.status < 400 and answer.verdict.is_seen:
            queue.add(_read(state, client, answer, _place(client, answer, path)))
        elif answer and answer.verdict.is_seen and "?" in path:  # it takes input, and fails on it
            state.operations.append(link_operation(path))


def _place(client: BoundedClient, answer: Answer, asked: str) -> str:
    """The path to keep a page under: the requested one, except where it redirected to a login."""
    moved = answer.path.split("?")[0] != asked.split("?")[0]
    why = client.why_unseen("GET", asked) if moved else ""
    return answer.path if any(why.startswith(prefix) for prefix in MOVED) else asked


def _read(state: Crawl, client: BoundedClient, answer: Answer, place: str) -> list[str]:
    """Note the content of a page; returns the links to follow."""
    state.pages[place] = answer.media_type
    if place not in LISTS:
        state.operations.append(link_operation(place))
    if "javascript" in answer.media_type:
        paths = script_paths(answer.text)
        state.operations += [_from_script(path) for path in paths]
        return [path for path in paths if "{" not in path]
    if not answer.is_html:
        return []
    page, base_url = Page(answer.text), client.target.base_url
    forms = [form_operation(base_url, answer.path, form) for form in page.forms]
    state.operations += [form for form in forms if form and not shows_payload(form.path)]
    links = local_paths(base_url, answer.path, page.links)
    for refused in (payload_links := [link for link in links if shows_payload(link)]):
        client.leave_out(f"GET {refused}", OURS)
    return [link for link in links if link not in payload_links]


def _from_script(path: str) -> Operation:
    return link_operation_of("GET", path, False).model_copy(
        update={"origins": ("crawl",), "auth": None}
    )
