"""Whether a port answers HTTP: any status counts, silence and broken connections do not."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Literal

import httpx

from clients.authorities import authorities

TIMEOUT_S = 5.0
_MOST_S = 30.0
_FOREIGN_S = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one request.

    Attributes:
        kind: `http`; `refused`: nobody accepts; `broken`: accepted, then closed without an answer;
            `foreign`: answered in another protocol; `silent`: nothing within the time.
        status: of an HTTP answer, else 0.
    """

    kind: Literal["http", "refused", "broken", "foreign", "silent"]
    status: int = 0

    def __str__(self) -> str:
        text = {
            "refused": "refuses connections",
            "broken": "closes connections without an HTTP answer",
            "foreign": "answers in another protocol",
            "silent": "accepts connections and does not answer",
        }
        return f"answers {self.status}" if self.kind == "http" else text[self.kind]


def patience_s(silent_s: float) -> float:
    """How long to wait for an answer of a port that accepts and has been silent for so long.

    An app that takes ten seconds for a page still answers; a fast one is seen within moments.
    """
    return min(max(TIMEOUT_S, silent_s), _MOST_S)


async def ask(base_url: str, timeout_s: float = TIMEOUT_S) -> Answer:
    """The result of `GET /` at `base_url` within `timeout_s`. The body is not read."""
    try:
        async with (
            httpx.AsyncClient(timeout=timeout_s, trust_env=False, verify=authorities()) as client,
            client.stream("GET", base_url + "/") as response,
        ):
            return Answer("http", response.status_code)
    except httpx.TimeoutException:
        return Answer("silent")
    except (httpx.ConnectError, httpx.InvalidURL):  # a container that has ended publishes no port
        return Answer("refused")
    except httpx.RemoteProtocolError:
        return Answer("foreign" if await _speaks_otherwise(base_url) else "broken")
    except (httpx.HTTPError, OSError):
        return Answer("broken")


async def _speaks_otherwise(base_url: str) -> bool:
    """Whether the port answers a request with something that is not HTTP."""
    place = httpx.URL(base_url)
    try:
        async with asyncio.timeout(_FOREIGN_S):
            reader, writer = await asyncio.open_connection(place.host, place.port)
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                words = await reader.read(16)
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return False
    return bool(words) and not words.startswith(b"HTTP/"[: len(words)])


async def speaks_http(base_url: str) -> bool:
    """Whether it also answers another method than GET, if only to refuse it.

    A database may answer a GET with a line for people who came by mistake.
    """
    async with httpx.AsyncClient(timeout=_FOREIGN_S, trust_env=False) as client:
        for method in ("HEAD", "OPTIONS"):
            try:
                async with client.stream(method, base_url + "/"):
                    return True
            except httpx.TimeoutException:  # a slow answer is no other protocol
                return True
            except (httpx.HTTPError, httpx.InvalidURL, OSError):
                continue
    return False


async def refuses(host: str, port: int) -> bool:
    """Whether the port refuses connections; False where that cannot be known."""
    try:
        async with asyncio.timeout(_FOREIGN_S):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return False


async def speaks_tls(base_url: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether the port of `base_url` completes a TLS handshake, whatever its certificate says."""
    place = httpx.URL(base_url)
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=anybody)
    except (OSError, TimeoutError):  # an SSLError is an OSError
        return False
    writer.transport.abort()
    return True
