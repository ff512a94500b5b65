"""One cheap request per candidate decides what is worth loading: only what answers 2xx.

An operation that answers 404, 401 or 500 is listed with its status and never averaged in: the time
of an error page says nothing about the app.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx

from analyzers.appsource.openapi import DOCUMENT_PATHS, parse_document
from analyzers.performance.routes import document_paths, source_paths, template_paths
from analyzers.runtime.tool import AppFault, Execute, ToolFault, ToolRun
from contract.analysis import Skipped, Target

_TIMEOUT_S = 5.0
_WHOLE_S = 10.0
_SURVEY_S = 60.0
_MAX_BODY_BYTES = 2_000_000
_MAX_CANDIDATES = 40
_MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `status` 0 when there was none, `error` then says why."""

    status: int
    body: bytes = b""
    content_type: str = ""
    location: str = ""
    error: str = ""
    unreachable: bool = False

    @property
    def ok(self) -> bool:
        """A 2xx. A redirect is not: nothing followed it, so nothing was served."""
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        """Whether a browser would show it."""
        return self.ok and self.content_type.startswith(("text/html", "application/xhtml"))

    @property
    def text(self) -> str:
        """The status, or what went wrong."""
        return self.error or str(self.status)


@dataclass(frozen=True, slots=True)
class Operation:
    """A GET that answered 2xx; `name` is what reports call it."""

    service: str
    base_url: str
    path: str
    name: str

    @property
    def url(self) -> str:
        """Absolute address."""
        return self.base_url + self.path


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be loaded, and what cannot with its status."""

    operations: tuple[Operation, ...]
    skipped: tuple[Skipped, ...]


async def ask(client: httpx.AsyncClient, url: str, limit_s: float = _WHOLE_S) -> Answer:
    """GET `url` without following redirects; at most 2 MB and `limit_s` of it are read."""
    body = bytearray()
    try:
        async with asyncio.timeout(limit_s), client.stream("GET", url) as response:
            async for block in response.aiter_raw():
                body += block
                if len(body) > _MAX_BODY_BYTES:
                    return Answer(0, error=f"body above {_MAX_BODY_BYTES} bytes")
            kind = response.headers.get("content-type", "")
            location = response.headers.get("location", "") if response.is_redirect else ""
            return Answer(response.status_code, bytes(body), kind, location)
    except httpx.ConnectError as error:
        return Answer(0, error=f"no connection: {error}", unreachable=True)
    except TimeoutError:
        return Answer(0, error=f"no end of the answer within {limit_s:.0f} s")
    except httpx.TimeoutException:
        return Answer(0, error=f"no answer within {_TIMEOUT_S:.0f} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(0, error=f"{type(error).__name__}: {error}")


async def follow(client: httpx.AsyncClient, url: str) -> tuple[str, Answer]:
    """GET `url` and at most five redirects within its origin; the last address and its answer."""
    answer = await ask(client, url)
    for _ in range(_MAX_REDIRECTS):
        following = urljoin(url, answer.location)
        if not answer.location or urlsplit(following)[:2] != urlsplit(url)[:2]:
            break
        url, answer = following, await ask(client, following)
    return url, answer


def new_client() -> httpx.AsyncClient:
    """A client that ignores proxies: the app is on this host or on our own network."""
    return httpx.AsyncClient(
        timeout=_TIMEOUT_S,
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
    )


async def survey_app(run: ToolRun, execute: Execute) -> Survey:
    """Ask every candidate that template, OpenAPI document and source name; see `survey`."""
    sourced, unread = await source_paths(run, execute)
    found = await survey(run.request.targets, template_paths(run.request.template), sourced)
    return Survey(found.operations, (*found.skipped, *unread))


async def survey(
    targets: Sequence[Target], declared: Sequence[str] = (), sourced: Sequence[str] = ()
) -> Survey:
    """Ask every candidate of every target once; front ends are asked for `/` alone.

    At most 40 per target, in order of trust, and within 60 s in all: an app that answers slowly or
    without end costs no more.

    Raises:
        AppFault: something answers, but no operation with a 2xx.
        ToolFault: nothing can be reached from here.
    """
    async with new_client() as client:
        asking = _Survey(client, single=len(targets) == 1)
        for target in targets:
            await asking.target(target, declared, sourced)
    if not asking.operations:
        raise _nothing_to_load(asking.skipped, asking.reached)
    return Survey(tuple(asking.operations), tuple(asking.skipped))


@dataclass(slots=True)
class _Survey:
    client: httpx.AsyncClient
    single: bool
    operations: list[Operation] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    reached: bool = False
    end: float = field(default_factory=lambda: time.monotonic() + _SURVEY_S)

    async def target(self, target: Target, declared: Sequence[str], sourced: Sequence[str]) -> None:
        catch_all = await self._ask(f"{target.base_url}/assay-{secrets.token_hex(8)}")
        paths = ["/"]
        if target.role != "frontend":
            documented = await self._documented(target) if catch_all.status else ()
            paths += [*declared, *documented, *sourced]
        for path in list(dict.fromkeys(paths))[:_MAX_CANDIDATES]:
            operation = Operation(
                target.service, target.base_url, path, _name(target, path, self.single)
            )
            answer = await self._ask(operation.url)
            if reason := _unfit(answer, path, catch_all):
                self.skipped.append(Skipped(what=operation.name, reason=reason))
            else:
                self.operations.append(operation)

    async def _documented(self, target: Target) -> tuple[str, ...]:
        for path in DOCUMENT_PATHS:
            answer = await self._ask(target.base_url + path)
            if answer.ok and (document := parse_document(answer.body)):
                return document_paths(document)
        return ()

    async def _ask(self, url: str) -> Answer:
        left_s = self.end - time.monotonic()
        if left_s <= 0:
            return Answer(0, error=f"not asked: the survey's {_SURVEY_S:g} s were over")
        answer = await ask(self.client, url, min(left_s, _WHOLE_S))
        self.reached = self.reached or not answer.unreachable
        return answer


def _name(target: Target, path: str, single: bool) -> str:
    return f"GET {path}" if single else f"{target.service} GET {path}"


def _unfit(answer: Answer, path: str, catch_all: Answer) -> str:
    if not answer.ok:
        return answer.text
    if path != "/" and catch_all.ok and answer.body == catch_all.body:
        return "same page as for an unknown path"
    return ""


def _nothing_to_load(skipped: Sequence[Skipped], reached: bool) -> Exception:
    listed = ", ".join(f"{one.what} {one.reason}" for one in skipped[:8])
    if not reached:
        return ToolFault(
            f"cannot reach the app from here: {listed}: check the target's address and network"
        )
    return AppFault(f"every endpoint answered non-2xx: {listed}")
