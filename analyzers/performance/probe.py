"""Asks an app one request at a time; the answer is bounded in time and bytes, and named.

`survey.py` judges the answers.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from analyzers.performance.openloop.limits import TOO_MANY, wait_of
from analyzers.runtime.live.authorities import authorities

TIMEOUT_S = 5.0
WHOLE_S = 10.0
KEPT_BYTES = 2_000_000
# We count so much of one answer; a load test of more would measure the network.
MAX_BODY_BYTES = 10_000_000
_MAX_REDIRECTS = 5
_PAGE_TYPES = ("text/html", "application/xhtml")
FORWARDED_HTTPS = {"X-Forwarded-Proto": "https"}
"""The header by which a proxy that ends TLS tells an app that its client came by https."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `status` is 0 when there was none; `error` then says why.

    Attributes:
        body: its first 2 MB; `size`: how much of it was read.
        too_large: the body is longer than any that we load.
        endless: it began, and did not end in time.
        unreachable: no connection was made.
        silent: a connection was made, but no answer came in time.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    size: int = 0
    error: str = ""
    too_large: bool = False
    endless: bool = False
    unreachable: bool = False
    silent: bool = False

    @property
    def ok(self) -> bool:
        """A complete 2xx. A redirect is none: nothing followed it, so nothing was served."""
        return 200 <= self.status < 300 and not self.error

    @property
    def content_type(self) -> str:
        """The value of the header; empty without one."""
        return self.headers.get("content-type", "")

    @property
    def location(self) -> str:
        """The target of a redirect; empty for other answers."""
        return self.headers.get("location", "") if self.status in range(300, 400) else ""

    @property
    def is_page(self) -> bool:
        """Whether a browser would show it."""
        return self.ok and self.content_type.lower().startswith(_PAGE_TYPES)

    @property
    def wait_s(self) -> float | None:
        """When a limited client may ask again; None where it was not limited or nothing says."""
        return wait_of(self.headers) if self.status in {TOO_MANY, 503} else None

    @property
    def text(self) -> str:
        """The status, or what went wrong."""
        return self.error or str(self.status)


async def ask(client: httpx.AsyncClient, url: str, limit_s: float | None = None) -> Answer:
    """GET `url` without following redirects; at most 10 MB and `limit_s` (10 s) of it are read.

    A kept connection that the server had closed is no answer of the app: we ask again once.
    """
    limit_s = WHOLE_S if limit_s is None else limit_s
    answer, stale = await _once(client, url, limit_s)
    if stale:
        answer, _ = await _once(client, url, limit_s)
    return answer


async def follow(
    client: httpx.AsyncClient,
    url: str,
    limit_s: float | None = None,
    allowed: Callable[[str], bool] = lambda _url: True,
) -> tuple[str, Answer]:
    """GET `url` and follow at most five redirects within its origin; returns the last address, too.

    A redirect that is not `allowed` is not followed: then it is the answer.
    """
    answer = await ask(client, url, limit_s)
    for _ in range(_MAX_REDIRECTS):
        following = own_target(client, url, answer.location)
        if not following or following == url or not allowed(following):
            break
        url, answer = following, await ask(client, following, limit_s)
    return url, answer


def own_target(client: httpx.AsyncClient, url: str, location: str) -> str:
    """The target of `location` within the origin of `url`; empty where it leads elsewhere.

    An app that believes its client came by https names its own pages so.
    """
    parts = split(urljoin_or_empty(url, location)) if location else None
    own = split(url)
    if parts is None or own is None or parts.netloc != own.netloc:
        return ""
    sends_https = "X-Forwarded-Proto" in client.headers
    if parts.scheme != own.scheme and not (sends_https and parts.scheme == "https"):
        return ""
    return parts._replace(scheme=own.scheme, fragment="").geturl()


def leads_to_https(url: str, answer: Answer) -> bool:
    """Whether an answer redirects to https for the same place."""
    parts, own = split(urljoin_or_empty(url, answer.location)), split(url)
    if not answer.location or parts is None or own is None or parts.scheme != "https":
        return False
    return parts.hostname in {own.hostname, "localhost"} or (parts.path or "/") == (own.path or "/")


def split(url: str) -> SplitResult | None:
    """A URL taken apart; None where it is none (`http://[`)."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return None
    return parts


def path_of(url: str) -> str:
    """Path and query of an absolute URL."""
    parts = split(url)
    return f"{parts.path or '/'}?{parts.query}".removesuffix("?") if parts else "/"


def urljoin_or_empty(base: str, url: str) -> str:
    """`url` made absolute; empty where it is none."""
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def new_client(headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client that ignores proxies: the app is on this host or on our own network."""
    return httpx.AsyncClient(
        timeout=TIMEOUT_S,
        trust_env=False,
        verify=authorities(),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity", **(headers or {})},
    )


async def _once(client: httpx.AsyncClient, url: str, limit_s: float) -> tuple[Answer, bool]:
    """The answer, and whether a kept connection was found closed."""
    read: dict[str, Any] = {"status": 0, "headers": {}}
    body = bytearray()
    try:
        async with asyncio.timeout(limit_s), client.stream("GET", url) as response:
            read = {"status": response.status_code, "headers": response.headers}
            size = 0
            async for block in response.aiter_raw():
                size += len(block)
                body += block[: max(0, KEPT_BYTES - len(body))]
                if size > MAX_BODY_BYTES:
                    error = f"body above {MAX_BODY_BYTES // 1_000_000} MB"
                    return Answer(**read, size=size, error=error, too_large=True), False
            return Answer(**read, body=bytes(body), size=size), False
    except httpx.ConnectError as error:
        return Answer(0, error=f"no connection: {error}", unreachable=True), False
    except (TimeoutError, httpx.TimeoutException) as error:
        return _late(read, error, limit_s), False
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        stale = not read["status"] and isinstance(
            error, httpx.RemoteProtocolError | httpx.ReadError
        )
        return Answer(**read, error=f"{type(error).__name__}: {error}"[:300]), stale


def _late(read: dict[str, Any], error: Exception, limit_s: float) -> Answer:
    if read["status"]:
        return Answer(**read, error=f"no end of the answer within {limit_s:.0f} s", endless=True)
    waited_s = limit_s if isinstance(error, TimeoutError) else TIMEOUT_S
    return Answer(0, error=f"no answer within {waited_s:.0f} s", silent=True)
