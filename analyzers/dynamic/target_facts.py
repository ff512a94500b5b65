"""The general answers of one target, to random paths and plain HTTP; all tools of a run share it.

Random paths are asked for only where an answer would otherwise count, and only once per method,
folder and extension: the app's quota is not ours to spend.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.quota import Quota
from analyzers.runtime.live.answers import (
    Baseline,
    Question,
    Verdict,
    group_of,
    is_rate_limited,
    judge,
    random_path,
)
from analyzers.runtime.tool import ToolRun
from contract.analysis import Target

FORWARDED = {"X-Forwarded-Proto": "https"}
"""The header by which a proxy that ends TLS tells the app behind it."""
SAMPLES = 3  # of the root, where fallback pages come from; two of any other group
MAX_GROUPS = 80
ALIVE_PAUSES_S = (0.0, 0.3, 1.0)
Ask = Callable[[str, str, Mapping[str, str]], Awaitable[Answer | None]]


@dataclass(slots=True)
class TargetFacts:
    """Facts about one target.

    Attributes:
        headers: sent with every request, because the app answers nothing without them.
        https_only: it redirects plain HTTP to https, whatever a proxy says.
    """

    target: Target
    headers: dict[str, str] = field(default_factory=dict)
    https_only: bool = False
    quota: Quota = field(default_factory=Quota)
    _baselines: dict[bool, Baseline] = field(default_factory=dict)
    _tried: set[tuple[bool, tuple[str, str, str]]] = field(default_factory=set)
    _is_ready: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self, ask: Ask) -> None:
        """Find out, once, whether the app must be told that its client came over https."""
        if self._is_ready:
            return
        async with self._lock:
            if self._is_ready:
                return
            self._is_ready = True
            first = await ask("GET", "/", {})
            if first is None or not self.leads_to_https(first):
                return
            second = await ask("GET", "/", FORWARDED)
            if second is None or self.leads_to_https(second):
                self.https_only = True
            else:
                self.headers = dict(FORWARDED)

    def leads_to_https(self, answer: Answer) -> bool:
        """Whether the answer redirects to https on this very host."""
        if not 300 <= answer.status < 400:
            return False
        try:
            other, own = (
                urlsplit(answer.headers.get("location", "")),
                urlsplit(self.target.base_url),
            )
            hosts = {own.hostname, "localhost", "127.0.0.1"}
            return own.scheme == "http" and other.scheme == "https" and other.hostname in hosts
        except ValueError:
            return False

    def plain(self, headers: httpx.Headers) -> httpx.Headers:
        """An app that takes us for a proxy links to https; its own pages still come over http."""
        location, own = headers.get("location", ""), urlsplit(self.target.base_url)
        if not self.headers or not location.startswith("https:"):
            return headers
        changed = httpx.Headers(headers)
        with_port = location.replace(f"//{own.hostname}/", f"//{own.netloc}/", 1)
        changed["location"] = with_port.replace("https:", "http:", 1)
        return changed

    async def judge(self, answer: Answer, sent: Mapping[str, str], place: str, ask: Ask) -> Verdict:
        """Whether an answer can be an answer to its request.

        Args:
            answer: without its verdict.
            sent: headers of the request; a logged-in person gets other answers to random paths.
            place: the path whose neighbours the answer is compared with.
            ask: sends one request that no count includes.
        """
        is_inside = any(name.lower() in {"cookie", "authorization"} for name in sent)
        baseline = self._baselines.setdefault(is_inside, Baseline())
        asked = Question(answer.method, self.target.base_url + answer.path)
        beside = Question(answer.method, self.target.base_url + place)
        verdict = judge(asked, answer.reply, baseline, beside)
        root = Question(answer.method, f"{self.target.base_url}/")
        for near in (root, beside):
            if not verdict.is_seen:
                return verdict
            await self._learn(near, baseline, is_inside, sent, ask)
            verdict = judge(asked, answer.reply, baseline, beside)
        return verdict

    async def _learn(
        self,
        near: Question,
        baseline: Baseline,
        is_inside: bool,
        sent: Mapping[str, str],
        ask: Ask,
    ) -> None:
        key = (is_inside, group_of(near))
        async with self._lock:
            if key in self._tried or len(self._tried) >= MAX_GROUPS:
                return
            self._tried.add(key)
            for _ in range(SAMPLES if near.path == "/" else SAMPLES - 1):
                path = random_path(near, f"assay{secrets.token_hex(10)}")
                answer = await ask(near.method, path, sent)
                if answer is None or is_rate_limited(answer.reply):
                    self._tried.discard(key)
                    return
                baseline.add(Question(near.method, self.target.base_url + path), answer.reply)


def facts_of(run: ToolRun, target: Target) -> TargetFacts:
    """The facts of a target, one for all tools of a run."""
    shared = run.shared.setdefault("dynamic-facts", {})
    return shared.setdefault(f"{target.service} {target.base_url}", TargetFacts(target))


async def is_gone(client: httpx.AsyncClient, limit_s: float) -> bool:
    """Whether nothing answers any more: each connection is refused or dropped.

    Silence is no death: an app under load is slow.
    """
    for pause_s in ALIVE_PAUSES_S:
        await asyncio.sleep(pause_s)
        try:
            await client.get("/", timeout=limit_s)
        except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
            continue
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False
        return False
    return True
