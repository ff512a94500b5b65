"""One cheap request per candidate decides what is worth loading: only what answers 2xx.

An operation that answers 404, 401 or 500 is listed with its status and never averaged in: the time
of an error page says nothing about the app.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from analyzers.performance.routes import Candidate, candidates
from analyzers.runtime.tool import AppFault, ToolFault, ToolRun
from contract.analysis import Skipped, Target

_TIMEOUT_S = 5.0
_WHOLE_S = 10.0
_MAX_BODY_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `status` 0 when there was none, `error` then says why."""

    status: int
    digest: str = ""
    content_type: str = ""
    error: str = ""
    unreachable: bool = False

    @property
    def ok(self) -> bool:
        """A 2xx. A redirect is not: nothing followed it, so nothing was served."""
        return 200 <= self.status < 300

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


async def ask(client: httpx.AsyncClient, url: str) -> Answer:
    """GET `url` without following redirects; at most 2 MB and 10 s of it are read."""
    digest = hashlib.sha256()
    size = 0
    try:
        async with asyncio.timeout(_WHOLE_S), client.stream("GET", url) as response:
            async for block in response.aiter_raw():
                digest.update(block)
                size += len(block)
                if size > _MAX_BODY_BYTES:
                    return Answer(0, error=f"body above {_MAX_BODY_BYTES} bytes")
            kind = response.headers.get("content-type", "")
            return Answer(response.status_code, digest.hexdigest(), kind)
    except httpx.ConnectError as error:
        return Answer(0, error=f"no connection: {error}", unreachable=True)
    except TimeoutError:
        return Answer(0, error=f"no end of the answer within {_WHOLE_S:.0f} s")
    except httpx.TimeoutException:
        return Answer(0, error=f"no answer within {_TIMEOUT_S:.0f} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(0, error=f"{type(error).__name__}: {error}")


def new_client() -> httpx.AsyncClient:
    """A client that ignores proxies: the app is on this host or on our own network."""
    return httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)


async def survey_app(run: ToolRun) -> Survey:
    """Ask every candidate that template and source name; see `survey`."""
    found = await asyncio.to_thread(candidates, run.source, run.request.template)
    return await survey(run.request.targets, found)


async def survey(targets: Sequence[Target], found: Sequence[Candidate]) -> Survey:
    """Ask every candidate of every target once; front ends are asked for `/` alone.

    Raises:
        AppFault: something answers, but no operation with a 2xx.
        ToolFault: nothing can be reached from here.
    """
    operations: list[Operation] = []
    skipped: list[Skipped] = []
    reached = False
    async with new_client() as client:
        for target in targets:
            single = len(targets) == 1
            wanted = found[:1] if target.role == "frontend" else found
            catch_all = await ask(client, f"{target.base_url}/assay-{secrets.token_hex(8)}")
            for candidate in wanted:
                name = _name(target, candidate.path, single)
                operation = Operation(target.service, target.base_url, candidate.path, name)
                answer = await ask(client, operation.url)
                reached = reached or not answer.unreachable
                if reason := _unfit(answer, candidate, catch_all):
                    skipped.append(Skipped(what=name, reason=reason))
                else:
                    operations.append(operation)
    if not operations:
        raise _nothing_to_load(skipped, reached)
    return Survey(tuple(operations), tuple(skipped))


def _name(target: Target, path: str, single: bool) -> str:
    return f"GET {path}" if single else f"{target.service} GET {path}"


def _unfit(answer: Answer, candidate: Candidate, catch_all: Answer) -> str:
    if not answer.ok:
        return answer.text
    if candidate.path != "/" and catch_all.ok and answer.digest == catch_all.digest:
        return "same page as for an unknown path"
    return ""


def _nothing_to_load(skipped: Sequence[Skipped], reached: bool) -> Exception:
    listed = ", ".join(f"{one.what} {one.reason}" for one in skipped[:8])
    if not reached:
        return ToolFault(
            f"cannot reach the app from here: {listed}: check the target's address and network"
        )
    return AppFault(f"every endpoint answered non-2xx: {listed}")


def handed_on(operations: Sequence[Operation]) -> list[list[str]]:
    """Operations as JSON for later tools; ports change with every start, so no addresses."""
    return [[one.service, one.path, one.name] for one in operations]


def taken_over(listed: Sequence[Sequence[str]], targets: Sequence[Target]) -> list[Operation]:
    """What `handed_on` listed, at the addresses of today's targets."""
    addresses = {target.service: target.base_url for target in targets}
    return [
        Operation(service, addresses[service], path, name)
        for service, path, name in listed
        if service in addresses
    ]
