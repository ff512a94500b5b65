"""One bounded HTTP client for all our own probes: an app under test may answer anything.

Endless bodies, slow drips, decompression bombs, huge headers and redirect loops end at a limit and
are named. Requests go only to the target's own origin, and never through a proxy.
"""

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from analyzers.dynamic.answer import BODY_CAP_BYTES, Answer, inflate
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.exchanges import sent_of
from analyzers.dynamic.target_facts import TargetFacts, is_gone
from analyzers.runtime.blame import verdict
from analyzers.runtime.live.answers import Unseen, Verdict, is_rate_limited
from analyzers.runtime.live.authorities import authorities
from contract.analysis import Skipped, Target

REDIRECT_CAP = 5
REQUEST_DEADLINE_S = 10.0
FAULTS_UNTIL_DEAD = 5
CONCURRENCY = 4
MAX_JUDGED = 3  # answers of one status to one path, none of which answers the request
MAX_NAMED = 5_000  # named requests without an answer; the rest is only counted
USER_AGENT = "assay-probe/1"


class BoundedClient:
    """Talks to one target. A missing answer is `None` and recorded in `unanswered`.

    Attributes:
        facts: the app's answers to random paths and its quota, shared by all tools.
        answered: `METHOD /path`, without query -> status -> whether an answer of it answers the
            request; without a `facts` to compare with, each counts.
        unanswered: requests without an answer or left out, with the reason.
        cut: `METHOD /path` whose body was read only in part, and how far.
        guessed: `METHOD /path` of guesses: if it does not exist, nothing is missing.
        place: the path whose neighbours an answer is compared with, by method and path.
    """

    def __init__(
        self,
        target: Target,
        budget: Budget,
        headers: Mapping[str, str] | None = None,
        facts: TargetFacts | None = None,
    ):
        self.target, self.budget = target, budget
        self.facts = facts or TargetFacts(target)
        self.unanswered: dict[str, str] = {}
        self.answered: dict[str, dict[int, Verdict]] = {}
        self.cut: dict[str, str] = {}
        self.guessed: set[str] = set()
        self.place: Callable[[str, str], str] = lambda _method, path: path
        self._judges, self._unnamed, self._faults = facts is not None, 0, 0
        self._judged: dict[tuple[str, int], int] = {}
        self._slots = asyncio.Semaphore(CONCURRENCY)
        base = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._http = httpx.AsyncClient(
            base_url=target.base_url,
            headers={**base, **(headers or {})},
            timeout=httpx.Timeout(5.0),
            trust_env=False,
            verify=authorities(),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aenter__(self) -> "BoundedClient":
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        patient: bool = True,
        counted: bool = True,
        **content: Any,
    ) -> Answer | None:
        """Send one request; redirects are not followed.

        Args:
            method: HTTP method.
            path: path and query, already percent-encoded.
            patient: whether to wait, within the budget, when the app's quota refuses it.
            counted: whether the answer is kept in `answered`.
            content: `headers`, `json`, `data`, `files` or `content`, as httpx takes them.

        Raises:
            AppFault: the target is gone.
        """
        if self._judges:
            await self.facts.prepare(self._ask)
        while True:
            refusal = self.budget.refusal() or _foreign(path)
            refusal = refusal or (await self._pause(path) if patient else "")
            if refusal:
                self.leave_out(_key(method, path), refusal)
                return None
            self.budget.spent += 1
            async with self._slots:
                answer = await self._attempt(method, path, content)
            if answer is None or not patient:  # a limit tried on purpose is no quota of ours
                break
            self._note_quota(answer)
            if not self._is_worth_waiting(answer):
                break
        return await self._noted(answer, content) if answer and counted else answer

    async def get(self, path: str, **content: Any) -> Answer | None:
        """GET; redirects are not followed."""
        return await self.send("GET", path, **content)

    async def follow(self, path: str, **content: Any) -> Answer | None:
        """GET, following up to `REDIRECT_CAP` redirects within the target's origin."""
        answer = await self.get(path, **content)
        for _ in range(REDIRECT_CAP):
            onward = self.redirect_path(answer) if answer else None
            if onward is None:
                return answer
            answer = await self.get(onward, **content)
        self.leave_out(_key("GET", path), f"more than {REDIRECT_CAP} redirects")
        return None

    def redirect_path(self, answer: Answer) -> str | None:
        """The target of a redirect within this app; None when it is none or leads elsewhere."""
        location = answer.headers.get("location")
        if answer.status not in {301, 302, 303, 307, 308} or not location:
            return None
        return self.local_path(urljoin(self.target.base_url + answer.path, location))

    def local_path(self, url: str) -> str | None:
        """Path and query of an absolute URL of this target; None for any other origin."""
        try:
            parts, own = urlsplit(url), urlsplit(self.target.base_url)
        except ValueError:
            return None
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            return None
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def leave_out(self, request: str, reason: str) -> None:
        """Record a request that is not made, and why."""
        if request[:200] in self.unanswered:
            return
        if len(self.unanswered) < MAX_NAMED:
            self.unanswered[request[:200]] = reason
        else:
            self._unnamed += 1

    def why_unseen(self, method: str, path: str) -> str:
        """Why no answer to a path answers the request; empty where one does, or none came."""
        verdicts = self.answered.get(_key(method, path), {}).values()
        return "" if any(seen.is_seen for seen in verdicts) else str(next(iter(verdicts), ""))

    async def judge(self, answer: Answer, sent: Mapping[str, str]) -> Verdict:
        """Whether an answer, ours or another tool's, answers its request."""
        place = self.place(answer.method, answer.path)
        return await self.facts.judge(answer, sent, place, self._ask)

    @property
    def missed(self) -> int:
        """How many requests had no answer or were left out."""
        return len(self.unanswered) + self._unnamed

    def skipped(self) -> list[Skipped]:
        """Requests without an answer or left out, with reasons."""
        return [Skipped(what=request, reason=reason) for request, reason in self.unanswered.items()]

    async def _pause(self, path: str) -> str:
        """Wait for the app's quota; returns why not, where the budget ends before."""
        bare = path.split("?")[0]
        while (pause_s := self.facts.quota.pause_s(bare)) > 0:
            if not self.budget.allows_wait(pause_s):
                return f"{Unseen.RATE_LIMITED}: {self.facts.quota.answer_text}"
            self.facts.quota.waited_s += pause_s
            await asyncio.sleep(pause_s)
        return ""

    def _is_worth_waiting(self, answer: Answer) -> bool:
        """Whether the quota refused it, and time is left to ask again."""
        pause_s = self.facts.quota.pause_s(answer.path.split("?")[0])
        return is_rate_limited(answer.reply) and self.budget.allows_wait(pause_s)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        """Send one request that no count includes: its answer is only compared with others."""
        if self.budget.refusal() or await self._pause(path):
            return None
        answer = await self._attempt(method, path, {"headers": dict(headers)}, named=False)
        if answer:
            self._note_quota(answer)
        return answer

    async def _noted(self, answer: Answer, content: dict[str, Any]) -> Answer:
        """The answer with its verdict, kept under its path; judged until one of its kind counts."""
        key = _key(answer.method, answer.path)
        known = self.answered.setdefault(key, {}).get(answer.status)
        times = self._judged.get((key, answer.status), 0)
        verdict = known or Verdict()
        if self._judges and times < MAX_JUDGED and (known is None or not known.is_seen):
            self._judged[key, answer.status] = times + 1
            verdict = await self.judge(answer, content.get("headers") or {})
        self.answered[key][answer.status] = verdict
        if answer.note and len(self.cut) < MAX_NAMED:
            self.cut[key] = answer.note
        return replace(answer, verdict=verdict)

    async def _attempt(
        self, method: str, path: str, content: dict[str, Any], *, named: bool = True
    ) -> Answer | None:
        try:
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                answer = await self._exchange(method, path, content)
        except TimeoutError:
            reason = f"no complete answer within {REQUEST_DEADLINE_S:g} s"
        except (httpx.ConnectError, httpx.ReadError, httpx.WriteError) as error:
            await self._count_fault(error)
            reason = f"connection failed: {type(error).__name__}"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, zlib.error) as error:
            await self._count_fault(error)
            reason = f"no HTTP answer: {type(error).__name__} {error}"[:200]
        else:
            self._faults = 0
            return answer
        if named:
            self.leave_out(_key(method, path), reason)
        return None

    def _note_quota(self, answer: Answer) -> None:
        bare = answer.path.split("?")[0]
        if is_rate_limited(answer.reply):
            self.facts.quota.spent(bare, answer.reply)
        else:
            self.facts.quota.granted(bare)

    async def _count_fault(self, error: Exception) -> None:
        gone = isinstance(error, httpx.ConnectError | httpx.ReadError)
        gone = gone or "disconnected" in str(error)
        self._faults = self._faults + 1 if gone else self._faults
        if self._faults < FAULTS_UNTIL_DEAD:
            return
        if await is_gone(self._http, REQUEST_DEADLINE_S):
            raise verdict(
                "scan-died",
                f"{self.target.service} stopped answering during the measurement: "
                f"{self._faults} connections in a row failed ({type(error).__name__})",
            ) from error
        self._faults = 0  # it drops some requests, and lives

    async def _exchange(self, method: str, path: str, content: dict[str, Any]) -> Answer:
        headers = {**self.facts.headers, **(content.get("headers") or {})}
        sent: dict[str, Any] = {**content, "headers": headers}
        started = time.monotonic()
        async with self._http.stream(method, path, **sent) as response:
            body, note = await _read_capped(response)
        elapsed = time.monotonic() - started
        got, asked = self.facts.plain(response.headers), sent_of(response.request)
        return Answer(method, path, response.status_code, got, body, elapsed, note, sent=asked)


def _foreign(path: str) -> str:
    return "" if path.startswith("/") and path[1:2] != "/" else "leads away from the target"


def _key(method: str, path: str) -> str:
    return f"{method} {path.split('?')[0]}"


async def _read_capped(response: httpx.Response) -> tuple[bytes, str]:
    """The body up to the limit, decompressed with a bound; of a slow drip, the part that came."""
    raw, note = bytearray(), ""
    try:
        async with asyncio.timeout(REQUEST_DEADLINE_S / 2):
            async for chunk in response.aiter_raw(65_536):
                raw += chunk
                if len(raw) > BODY_CAP_BYTES:
                    note = f"body cut at {BODY_CAP_BYTES} bytes"
                    break
    except TimeoutError:
        note = f"body unfinished after {REQUEST_DEADLINE_S / 2:g} s, cut at {len(raw)} bytes"
    body = bytes(raw[:BODY_CAP_BYTES])
    if response.headers.get("content-encoding", "").lower() in {"gzip", "deflate"}:
        inflated = inflate(body)
        if len(inflated) >= BODY_CAP_BYTES:
            note = f"decompressed body cut at {BODY_CAP_BYTES} bytes"
        body = inflated
    return body, note
