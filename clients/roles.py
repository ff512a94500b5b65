"""The roles of an app's services, by their answers: pages for people, or data for programs."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx

from contract.running import RunningService

Role = Literal["backend", "frontend"]
_TIMEOUT_S = 5.0
_ALL_S = 20.0
_MAX_REDIRECTS = 4
_MAX_BYTES = 32_768
_HTML = re.compile(rb"<!doctype html|<html\b|<body\b", re.IGNORECASE)
# Paths where an API describes itself. They tell an API with pages from a front end.
_DOCUMENT = "/openapi.json"


@dataclass(frozen=True, slots=True)
class Served:
    """What a service was seen to answer.

    Attributes:
        status: of `GET /`.
        pages: whether `/` led to a page, following redirects within the service.
        data: whether it answers JSON there, to an unknown path, or as a description of itself.
    """

    status: int
    pages: bool = False
    data: bool = False

    def __str__(self) -> str:
        kinds = [
            name for name, is_there in (("pages", self.pages), ("JSON", self.data)) if is_there
        ]
        served = " and ".join(kinds) or "neither pages nor JSON"
        return f"answers {self.status} at /, serves {served}"


async def look(base_url: str) -> Served | None:
    """What the service at `base_url` serves, found by a few requests; None: it does not answer."""
    try:
        accept = {"Accept": "text/html, */*;q=0.5"}
        async with (
            asyncio.timeout(_ALL_S),
            httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, headers=accept) as client,
        ):
            status, kind = await _start_page(client, base_url)
            data = kind == "json"
            for path in () if data else (f"/{secrets.token_hex(6)}", _DOCUMENT):
                data = data or (await _get(client, base_url + path))[1] == "json"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError):
        return None
    return Served(status, kind == "page", data)


async def _start_page(client: httpx.AsyncClient, base_url: str) -> tuple[int, str]:
    """Status of `/`, and the kind of answer that it leads to."""
    status, kind, where = await _get(client, base_url + "/")
    first = status
    for _ in range(_MAX_REDIRECTS):
        if not where or urlsplit(where).netloc != urlsplit(base_url).netloc:
            break
        status, kind, where = await _get(client, where)
    return first, kind if status < 400 else ("json" if kind == "json" else "")


async def _get(client: httpx.AsyncClient, url: str) -> tuple[int, str, str]:
    """Status, kind (`page`, `json` or neither) and target of a redirect; little is read."""
    async with client.stream("GET", url) as answer:
        media = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        location = answer.headers.get("location", "") if answer.is_redirect else ""
        where = urljoin(url, location) if location else ""
        if media == "application/json" or media.endswith("+json"):
            return answer.status_code, "json", where
        if media in ("text/html", "application/xhtml+xml"):
            return answer.status_code, "page", where
        if not media and _HTML.search(await _beginning(answer)):
            return answer.status_code, "page", where
        return answer.status_code, "", where


async def _beginning(answer: httpx.Response) -> bytes:
    data = b""
    async for chunk in answer.aiter_raw(4_096):
        data += chunk
        if len(data) >= _MAX_BYTES:
            break
    return data[:_MAX_BYTES]


def roles(served: Mapping[str, Served]) -> dict[str, Role]:
    """Role of each service that answers HTTP.

    A front end serves pages while another service serves the data. A service that serves both may
    be either: a front end that passes requests on, or an API with pages that describe it. Where
    another service serves only data, it is the front end. Where this cannot be decided, all are
    back ends, because tools leave out nothing of a back end.
    """
    plain = {name for name, served_by in served.items() if not served_by.pages}
    both = {name for name, served_by in served.items() if served_by.pages and served_by.data}
    backends = plain or both
    if not backends:
        return dict.fromkeys(served, "backend")
    return {name: "backend" if name in backends else "frontend" for name in served}


async def with_roles(services: Sequence[RunningService]) -> tuple[RunningService, ...]:
    """Services on ports of this host, each with the role that its answers show."""
    looks = [look(f"http://127.0.0.1:{service.host_port}") for service in services]
    served = zip(services, await asyncio.gather(*looks), strict=True)
    known = roles({service.service: seen for service, seen in served if seen is not None})
    return tuple(
        service.model_copy(update={"role": known.get(service.service, "backend")})
        for service in services
    )
