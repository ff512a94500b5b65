"""Sends one GET after another over kept connections, as HTTP defines it (RFC 9110, 9112).

A server may close an idle connection at any time, also just when it is used again. That is no error
of the server: the request is sent again. A new connection that breaks, and an answer that breaks
off, are errors.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType

import aiohttp

from analyzers.performance.openloop.limits import TOO_MANY
from analyzers.performance.openloop.plan import LoadPlan

_QUOTA_FIELDS = ("RateLimit", "RateLimit-Remaining", "X-RateLimit-Remaining")
_MOST_STALE = 100

_reused: ContextVar[bool] = ContextVar("reused", default=False)


class BodyTooLarge(Exception):
    """An answer that does not end within the plan's limit."""


class Disconnected(aiohttp.ClientError):
    """A new connection broke before an answer came."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer; `headers` only where they speak of a limit, because they cost time."""

    status: int
    size: int
    headers: Mapping[str, str] | None = None


class Sender:
    """A pool of connections to one address; use as an asynchronous context manager.

    Attributes:
        resent: requests that met a connection closed while it was idle and were sent again.
    """

    def __init__(self, plan: LoadPlan) -> None:
        self.resent = 0
        self._plan = plan
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Sender":
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._plan.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=dict(self._plan.headers),
            middlewares=(self._again_when_stale,),
            trace_configs=[trace],
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def get(self) -> Reply:
        """The answer, read to its end.

        Raises:
            BodyTooLarge: it is longer than the plan's limit.
            aiohttp.ClientError, TimeoutError: there is no answer, or it breaks off.
        """
        assert self._session  # noqa: S101 - entered
        size = 0
        async with self._session.get(self._plan.url, allow_redirects=False) as response:
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > self._plan.max_body_bytes:
                    raise BodyTooLarge
            fields = response.headers
            tells = response.status == TOO_MANY or any(name in fields for name in _QUOTA_FIELDS)
            return Reply(response.status, size, fields.copy() if tells else None)

    async def _again_when_stale(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request again that met a closed connection, but only on kept connections.

        Other kept connections may be closed as well; each fails once and is then gone. The library
        by itself would send every broken request again and so hide every other crash.
        """
        stale = 0
        while True:
            _reused.set(False)
            try:
                return await handler(request)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not _reused.get() or stale == _MOST_STALE:
                    raise Disconnected(str(error)) from error
            self.resent += not stale
            stale += 1


async def _note_reuse(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    _parameters: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    _reused.set(True)
