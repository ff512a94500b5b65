"""The survey of one service: the paths it may have, and those that answer for themselves."""

import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from analyzers.appsource.openapi import DOCUMENT_PATHS, parse_document
from analyzers.performance.candidates import links_of
from analyzers.performance.nothing import Kind, Miss, miss_of
from analyzers.performance.operations import Found, Named, Operation
from analyzers.performance.probe import FORWARDED_HTTPS, Answer, leads_to_https, path_of
from analyzers.performance.routes import document_paths, filled
from analyzers.runtime.live.answers import (
    COMPARED_BYTES,
    Baseline,
    Question,
    Reply,
    judge,
    random_path,
)
from contract.analysis import Target

_MAX_CANDIDATES = 40
_MAX_CRAWLED = 15
_MAX_RANDOM = 12
# After so many 429 answers of one service we stop: the rest of its quota is for others.
_LIMITED_UNTIL_END = 2


@dataclass(slots=True)
class TargetSurvey:
    """Asks one target; the results go into `found`.

    Attributes:
        headers: sent by `client` in addition to its own, and by every later load.
        baseline: the answers to paths that nobody has written.
        asked: candidates that had their turn; `crawl`: links that had not yet.
    """

    client: httpx.AsyncClient
    target: Target
    named: Named
    found: Found
    headers: tuple[tuple[str, str], ...] = ()
    baseline: Baseline = field(default_factory=Baseline)
    asked: set[str] = field(default_factory=set)
    crawl: deque[str] = field(default_factory=deque)
    paths: set[str] = field(default_factory=set)
    randoms: int = 0
    limited: int = 0

    async def run(self) -> None:
        """Candidates in order of trust. `/` is read first and counts last."""
        url, start = await self._start()
        if not start.unreachable:
            await self._random("/")
            await self._each((*self.named.declared, *await self._documented()))
            self._read_links(url, start)
            await self._crawl()
            await self._each(self.named.sourced.paths)
            await self._each(filled(self.named.hints), guessed=True)
        await self._take("/", url, start, guessed=False)
        if self.headers and self.paths:
            sent = ", ".join(f"{name}: {value}" for name, value in self.headers)
            only = "over plain HTTP it only leads to https"
            self.found.notes.append(f"{self.target.service}: asked with {sent}, for {only}")

    async def _start(self) -> tuple[str, Answer]:
        """The start page; if it redirects to https, asked as a proxy that ends TLS would ask."""
        url, answer = await self._follow(self._url("/"))
        if leads_to_https(url, answer):
            self.client.headers.update(FORWARDED_HTTPS)
            self.headers = tuple(FORWARDED_HTTPS.items())
            url, answer = await self._follow(self._url("/"))
        return url, answer

    async def _crawl(self) -> None:
        for _ in range(_MAX_CRAWLED):
            if not self.crawl:
                return
            await self._candidate(self.crawl.popleft(), guessed=False)

    async def _each(self, paths: Iterable[str], *, guessed: bool = False) -> None:
        for path in paths:
            await self._candidate(path, guessed=guessed)

    async def _candidate(self, path: str, *, guessed: bool) -> None:
        """Ask one path, unless it was asked; keep it as an operation, or note why not."""
        if path == "/" or path in self.asked or len(self.asked) >= _MAX_CANDIDATES:
            return
        self.asked.add(path)
        if reason := self.named.sourced.forbids(path):
            if not guessed:
                self._miss(path, Miss("", Kind.WRITES, f"never loaded: {reason}"))
            return
        if self.limited < _LIMITED_UNTIL_END:
            url, answer = await self._follow(self._url(path))
            await self._take(path, url, answer, guessed=guessed)
        elif not guessed:
            self._miss(path, Miss("", Kind.LIMITED, "not asked: the app limits its clients"))

    async def _take(self, path: str, url: str, answer: Answer, *, guessed: bool) -> None:
        """Judge the answer at the end of the redirects of `path`."""
        ended = path_of(url)
        miss = await self._unfit(path, url, answer)
        if miss is None and ended not in self.paths:
            miss = self._keep(ended, answer)
            self._read_links(url, answer)
        if miss is None:
            return
        self.limited += miss.kind is Kind.LIMITED
        if not guessed or miss.kind is Kind.LIMITED:
            self._miss(path, miss)

    def _keep(self, path: str, answer: Answer) -> Miss | None:
        """Add an operation, unless another service gave the same answer to this path."""
        owner, body = self.found.bodies.setdefault(path, (self.target.service, answer.body))
        if owner != self.target.service and body == answer.body:
            return Miss("", Kind.OTHER, f"the same answer as of {owner}, loaded there")
        self.paths.add(path)
        place = (self.target.service, self.target.base_url, path, self._name(path))
        self.found.operations.append(Operation(*place, self.headers, answer.is_page))
        return None

    async def _unfit(self, path: str, url: str, answer: Answer) -> Miss | None:
        """Why an answer cannot be loaded; None where it can."""
        if leads_to_https(url, answer):
            return Miss("", Kind.HTTPS, f"{answer.text} to {answer.location[:200]}")
        if answer.ok and path != "/":
            await self._random(urlsplit(url).path)
        question = Question("GET", self._url(path))
        verdict = judge(question, _reply(url, answer), self.baseline)
        return miss_of(answer, verdict.reason, urlsplit(url).path)

    async def _random(self, path: str) -> None:
        """The app's answer to a path that nobody has written, beside this one."""
        question = Question("GET", self._url(path))
        if not self.baseline.lacks(question) or self.randoms >= _MAX_RANDOM:
            return
        self.randoms += 1
        asked = self._url(random_path(question, f"assay-{secrets.token_hex(8)}"))
        url, answer = await self._follow(asked)
        if answer.status:
            self.baseline.add(Question("GET", asked), _reply(url, answer))

    async def _follow(self, url: str) -> tuple[str, Answer]:
        """Redirects to paths that change state are not followed."""
        return await self.found.follow(
            self.client, url, lambda onward: not self.named.sourced.forbids(path_of(onward))
        )

    async def _documented(self) -> tuple[str, ...]:
        for path in DOCUMENT_PATHS:
            answer = await self.found.ask(self.client, self._url(path))
            if answer.ok and (document := parse_document(answer.body)):
                self.asked.add(path)  # it describes operations, and is none
                return document_paths(document)
        return ()

    def _read_links(self, url: str, answer: Answer) -> None:
        if answer.is_page:
            links = links_of(url, answer.body)
            self.crawl.extend(links)

    def _miss(self, path: str, miss: Miss) -> None:
        self.found.misses.append(Miss(self._name(path), miss.kind, miss.reason, miss.wait_s))

    def _url(self, path: str) -> str:
        return self.target.base_url + path

    def _name(self, path: str) -> str:
        return f"GET {path}" if self.found.single else f"{self.target.service} GET {path}"


def _reply(url: str, answer: Answer) -> Reply:
    """The facts that the comparison with random paths needs."""
    return Reply(answer.status, answer.headers, answer.body[:COMPARED_BYTES], final_url=url)
