"""One bounded HTTP client for every probe of our own: an app under test may answer anything.

Endless bodies, slow drips, decompression bombs, huge headers and redirect loops end at a cap and
are named. Requests leave for the target's own origin only, and never through a proxy.
"""

import asyncio
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from analyzers.runtime.tool import AppFault
from contract.analysis import Skipped, Target

BODY_CAP_BYTES = 512 * 1024
REDIRECT_CAP = 5
REQUEST_DEADLINE_S = 10.0
FAULTS_UNTIL_DEAD = 5
CONCURRENCY = 4
MAX_NAMED = 5_000  # of what was not answered; the rest is only counted
USER_AGENT = "assay-probe/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        path: path and query that were asked for, without origin.
        body: at most `BODY_CAP_BYTES`, decompressed.
        note: what was cut (`body cut at ...`), empty when nothing was.
    """

    method: str
    path: str
    status: int
    headers: httpx.Headers
    body: bytes
    elapsed_s: float
    note: str = ""

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def media_type(self) -> str:
        """`text/html`, lower case, without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether a browser would render the body as a page."""
        return self.media_type in {"text/html", "application/xhtml+xml"}

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Budget:
    """How many requests and how much time one tool may spend on an app."""

    max_requests: int = 2_000
    limit_s: float = 120.0
    started: float = field(default_factory=time.monotonic)
    spent: int = 0

    def refusal(self) -> str:
        """Why no further request is made; empty while one may be."""
        if self.spent >= self.max_requests:
            return f"request budget of {self.max_requests} spent"
        if time.monotonic() - self.started > self.limit_s:
            return f"time budget of {self.limit_s:g} s spent"
        return ""


class BoundedClient:
    """Talks to one target. An answer that cannot be had is `None` and recorded in `unanswered`.

    Attributes:
        answered: `METHOD /path`, without query, with every status it was answered with.
        unanswered: what was asked for in vain or left out, with the reason.
        cut: `METHOD /path` whose body was read in part only, and how far.
    """

    def __init__(self, target: Target, budget: Budget, headers: Mapping[str, str] | None = None):
        self.target = target
        self.budget = budget
        self.unanswered: dict[str, str] = {}
        self.answered: dict[str, set[int]] = {}
        self.cut: dict[str, str] = {}
        self._unnamed = 0
        self._faults = 0
        self._slots = asyncio.Semaphore(CONCURRENCY)
        base = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._http = httpx.AsyncClient(
            base_url=target.base_url,
            headers={**base, **(headers or {})},
            timeout=httpx.Timeout(5.0),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aenter__(self) -> "BoundedClient":
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._http.aclose()

    async def send(self, method: str, path: str, **content: Any) -> Answer | None:
        """One request, redirects not followed.

        Args:
            method: HTTP method.
            path: path and query, already percent-encoded.
            content: `headers`, `json`, `data`, `files` or `content`, as httpx takes them.

        Raises:
            AppFault: the target refused or broke too many connections in a row.
        """
        refusal = self.budget.refusal() or self._foreign(path)
        if refusal:
            self._skip(method, path, refusal)
            return None
        self.budget.spent += 1
        async with self._slots:
            return await self._attempt(method, path, content)

    async def get(self, path: str, **content: Any) -> Answer | None:
        """GET, redirects not followed."""
        return await self.send("GET", path, **content)

    async def follow(self, path: str, **content: Any) -> Answer | None:
        """GET, up to `REDIRECT_CAP` redirects within the target's origin; the last answer."""
        answer = await self.get(path, **content)
        for _ in range(REDIRECT_CAP):
            onward = self.redirect_path(answer) if answer else None
            if onward is None:
                return answer
            answer = await self.get(onward, **content)
        self._skip("GET", path, f"more than {REDIRECT_CAP} redirects")
        return None

    def redirect_path(self, answer: Answer) -> str | None:
        """Where a redirect leads within this target; None when it is none or leads elsewhere."""
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
        if parts.scheme not in {"http", "https"} or parts.netloc != own.netloc:
            return None
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def leave_out(self, what: str, reason: str) -> None:
        """Record something that is not looked at, and why."""
        if what[:200] in self.unanswered:
            return
        if len(self.unanswered) < MAX_NAMED:
            self.unanswered[what[:200]] = reason
        else:
            self._unnamed += 1

    @property
    def missed(self) -> int:
        """How many were not answered or left out."""
        return len(self.unanswered) + self._unnamed

    def skipped(self) -> list[Skipped]:
        """What was not answered or left out, with reasons."""
        return [Skipped(what=what, reason=reason) for what, reason in self.unanswered.items()]

    def _foreign(self, path: str) -> str:
        own = path.startswith("/") and not path.startswith("//")
        return "" if own else "leads away from the target"

    def _skip(self, method: str, path: str, reason: str) -> None:
        self.leave_out(f"{method} {path.split('?')[0]}", reason)

    async def _attempt(self, method: str, path: str, content: dict[str, Any]) -> Answer | None:
        try:
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                answer = await self._exchange(method, path, content)
        except TimeoutError:
            reason = f"no complete answer within {REQUEST_DEADLINE_S:g} s"
        except (httpx.ConnectError, httpx.ReadError, httpx.WriteError) as error:
            self._count_fault(error)
            reason = f"connection failed: {type(error).__name__}"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, zlib.error) as error:
            self._count_fault(error)
            reason = f"no HTTP answer: {type(error).__name__} {error}"[:200]
        else:
            self._faults = 0
            key = f"{method} {path.split('?')[0]}"
            self.answered.setdefault(key, set()).add(answer.status)
            if answer.note and len(self.cut) < MAX_NAMED:
                self.cut[key] = answer.note
            return answer
        self._skip(method, path, reason)
        return None

    def _count_fault(self, error: Exception) -> None:
        gone = isinstance(error, httpx.ConnectError | httpx.ReadError)
        gone = gone or "disconnected" in str(error)
        self._faults = self._faults + 1 if gone else self._faults
        if self._faults >= FAULTS_UNTIL_DEAD:
            raise AppFault(
                f"{self.target.service} stopped answering during the measurement: "
                f"{self._faults} connections in a row failed ({type(error).__name__})"
            ) from error

    async def _exchange(self, method: str, path: str, content: dict[str, Any]) -> Answer:
        started = time.monotonic()
        async with self._http.stream(method, path, **content) as response:
            body, note = await _read_capped(response)
        elapsed = time.monotonic() - started
        return Answer(method, path, response.status_code, response.headers, body, elapsed, note)


async def _read_capped(response: httpx.Response) -> tuple[bytes, str]:
    """Body up to the cap, decompressed with a bound; a slow drip keeps what came so far."""
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


def sampled(rows: list[Skipped]) -> tuple[Skipped, ...]:
    """At most 50 of `rows`, so that each reason is among them."""
    firsts = {row.reason: row for row in reversed(rows)}
    return tuple(sorted(rows, key=lambda row: firsts[row.reason] is not row)[:50])


def inflate(data: bytes) -> bytes:
    """Decompress gzip or zlib data up to `BODY_CAP_BYTES`; other data comes back as it is."""
    decoder = zlib.decompressobj(wbits=47)
    try:
        return decoder.decompress(data, BODY_CAP_BYTES)
    except zlib.error:
        return data


async def require_answer(target: Target, when: str) -> Answer:
    """Prove that `target` answers HTTP, whatever the status; its answer to `GET /`.

    Raises:
        AppFault: it does not within three tries.
    """
    reason = ""
    async with BoundedClient(target, Budget(max_requests=3, limit_s=40)) as client:
        for pause_s in (0.0, 0.2, 0.2):
            await asyncio.sleep(pause_s)
            if (answer := await client.get("/")) is not None:
                return answer
            reason = next(iter(client.unanswered.values()), reason)
    raise AppFault(f"{target.service} does not answer {when} the measurement: {reason}")
