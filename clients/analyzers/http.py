"""HTTP requests to an analyzer: health, source upload, and results if WebSocket stays down."""

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from clients.analyzers.archive import ArchiveReceiver
from clients.analyzers.pool import unavailable
from clients.authorities import authorities
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.health import AnalyzerHealth
from contract.limits import RUN_WAITS_S
from contract.protocol import (
    CHUNK_BYTES,
    REQUEST_DIGEST_HEADER,
    Completed,
    Failed,
    Progress,
    request_digest,
)
from contract.spec import SourceRef

HEALTH_LIMIT_S = 5.0
POLL_S = 2.0
_MAX_FAILURES = 3
_BLOCK_BYTES = 64 * 1024
_RESULT_STATUS = (
    HTTPStatus.OK,
    HTTPStatus.ACCEPTED,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # all bytes are here already
)


class AnalyzerHttp:
    """Plain HTTP to the analyzer whose WebSocket address is `ws_url`."""

    def __init__(self, analyzer: AnalyzerKind, ws_url: str, token: str | None) -> None:
        self._analyzer = analyzer
        self._base = ws_url.replace("ws", "http", 1).rstrip("/")
        self._where = f"analyzer {analyzer} at {self._base}"
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(15.0, connect=5.0),
            trust_env=False,
            verify=authorities(),
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def health(self) -> AnalyzerHealth:
        """Ask `GET /health`. Every failure is `ok=False` with the reason."""
        try:
            answer = await self._client.get(f"{self._base}/health", timeout=HEALTH_LIMIT_S)
            health = AnalyzerHealth.model_validate_json(answer.content)
        except httpx.ConnectError:
            return self._down(
                "refused the connection: is it running? The command `doctor` tells more"
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._down(f"did not answer: {type(error).__name__} {error}")
        except ValidationError:
            return self._down("answers, but is no analyzer: check its address in the settings")
        if health.analyzer is not self._analyzer:
            return self._down(f"is the {health.analyzer} analyzer: check the settings")
        return health

    async def upload(self, source: SourceRef, archive: Path) -> None:
        """Send a packed source.

        Raises:
            PlatformError: unreachable, or refused with the analyzer's own code.
        """
        try:
            answer = await self._client.put(
                f"{self._base}/sources/{source.digest}", content=_blocks(archive), timeout=300.0
            )
        except httpx.HTTPError as error:
            raise unavailable(f"{self._where}: source not sent: {error}") from error
        if answer.status_code != HTTPStatus.CREATED:
            raise _fault(answer.content, f"{self._where}: source refused: {answer.status_code}")

    async def fetch(
        self,
        request: SubtaskRequest,
        receiver: ArchiveReceiver,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """Wait for the end of a run and read its result, from the byte where the transfer stopped.

        Raises:
            PlatformError: the analyzer is unreachable, knows no run of this request, or the run
                did not end within its deadline.
        """
        give_up = time.monotonic() + request.deadline_s + RUN_WAITS_S + 60.0
        failures = 0
        while time.monotonic() < give_up:
            before = receiver.received
            try:
                if await self._fetch_once(request, receiver, on_progress):
                    return
                failures = 0
            except httpx.HTTPError as error:
                failures = 0 if receiver.received > before else failures + 1
                if failures >= _MAX_FAILURES or isinstance(error, httpx.ConnectError):
                    raise unavailable(f"{self._where}: {type(error).__name__} {error}") from error
            except PlatformError as error:
                # Our bytes are of an earlier run of the same request: read the new result from 0.
                if error.code is not ErrorCode.DATA_LOSS or not before:
                    raise
            await asyncio.sleep(POLL_S)
        raise PlatformError(ErrorCode.DEADLINE_EXCEEDED, f"{self._where}: no result in time")

    async def _fetch_once(
        self,
        request: SubtaskRequest,
        receiver: ArchiveReceiver,
        on_progress: Callable[[Progress], None],
    ) -> bool:
        subtask_id = request.subtask_id
        url = f"{self._base}/results/{quote(subtask_id, safe='')}"
        headers = {"Range": f"bytes={receiver.received}-"} if receiver.received else {}
        async with self._client.stream("GET", url, headers=headers) as answer:
            if answer.status_code not in _RESULT_STATUS:
                raise _fault(
                    await answer.aread(), f"{self._where}: no result: {answer.status_code}"
                )
            if answer.headers.get(REQUEST_DIGEST_HEADER) != request_digest(request):
                raise unavailable(f"{self._where}: what it holds answers another request")
            if answer.status_code == HTTPStatus.ACCEPTED:
                on_progress(Progress.model_validate_json(await answer.aread()))
                return False
            if answer.status_code == HTTPStatus.OK:
                await asyncio.to_thread(receiver.restart)
            if answer.is_success:
                async for block in answer.aiter_bytes(_BLOCK_BYTES):
                    await asyncio.to_thread(receiver.add, block)
            sha256 = _digest(answer.headers.get("Repr-Digest", ""))
        completed = Completed(subtask_id=subtask_id, size_bytes=receiver.received, sha256=sha256)
        await asyncio.to_thread(receiver.finish, completed)
        return True

    def _down(self, why: str) -> AnalyzerHealth:
        return AnalyzerHealth(analyzer=self._analyzer, ok=False, reason=f"{self._where} {why}")


async def _blocks(path: Path) -> AsyncGenerator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield block


def _digest(header: str) -> str:
    """Hexadecimal sha256 of an RFC 9530 header; empty when it holds none."""
    _, _, encoded = header.partition("sha-256=:")
    try:
        return base64.b64decode(encoded.partition(":")[0]).hex()
    except binascii.Error:
        return ""


def _fault(body: bytes, fallback: str) -> PlatformError:
    try:
        failed = Failed.model_validate_json(body)
    except ValidationError:
        return unavailable(fallback)
    code = ErrorCode.UNAVAILABLE if failed.code is ErrorCode.NOT_FOUND else failed.code
    return PlatformError(code, failed.message, retry_after_s=failed.retry_after_s)
