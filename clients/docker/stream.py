"""The engine's two streaming calls, build and pull, cancellable at any moment.

The Docker SDK blocks a thread until the next line of a build arrives, which may never happen. Here
a cancelled or overdue build closes its connection, and the engine stops the build.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from clients.docker.errors import UNREACHABLE, engine_error
from clients.docker.result import StreamResult
from clients.limits import AppLimits
from contract.errors import ErrorCode, PlatformError

_ASK_S = 120.0


@dataclass(frozen=True, slots=True)
class EngineStream:
    """Talks HTTP to the engine at `docker_host` (`unix:///path` or `tcp://host:port`)."""

    docker_host: str

    async def build(
        self,
        context: bytes,
        params: dict[str, str],
        deadline_s: float,
        on_line: Callable[[str], None],
    ) -> StreamResult:
        """Build an image from a context tar; a failed step is part of the result.

        Raises:
            PlatformError: the engine is unreachable or refuses; FAILED_PRECONDITION when the time
                was too short: nobody can say whether app or host was too slow.
        """
        result = StreamResult()
        try:
            async with asyncio.timeout(deadline_s):
                await self._read("/build", params, context, result, on_line)
        except TimeoutError as error:
            raise PlatformError(
                ErrorCode.FAILED_PRECONDITION,
                f"the build took longer than {deadline_s:.0f} s, at last with"
                f" `{result.last_command()[:80]}`: mend that step or raise ASSAY_BUILD_DEADLINE_S,"
                " then retry the app",
            ) from error
        return result

    async def pull(
        self, image: str, first_answer_s: float, deadline_s: float, on_line: Callable[[str], None]
    ) -> StreamResult:
        """Pull `image`; an unreachable registry is part of the result, within `first_answer_s`."""
        repository, tag = split_tag(image)
        result = StreamResult()
        params = {"fromImage": repository, "tag": tag}
        try:
            async with asyncio.timeout(first_answer_s) as patience:
                loop = asyncio.get_running_loop()

                def answered(line: str) -> None:
                    patience.reschedule(started + deadline_s)
                    on_line(line)

                started = loop.time()
                await self._read("/images/create", params, None, result, answered)
        except TimeoutError:
            result.error = "the registry does not answer"
        return result

    async def ask(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """One `POST` that answers with an object.

        Raises:
            PlatformError: the engine is unreachable or refuses.
        """
        try:
            async with self._client() as client:
                response = await client.post(path, params=params, timeout=_ASK_S)
        except httpx.HTTPError as error:
            raise PlatformError(ErrorCode.UNAVAILABLE, UNREACHABLE) from error
        if response.status_code >= 400:
            raise engine_error(_message(response.text[:1_000]))
        return response.json()

    async def _read(
        self,
        path: str,
        params: dict[str, str],
        body: bytes | None,
        result: StreamResult,
        on_line: Callable[[str], None],
    ) -> None:
        headers = {"Content-Type": "application/x-tar"} if body is not None else {}
        try:
            async with (
                self._client() as client,
                client.stream(
                    "POST", path, params=params, content=body, headers=headers
                ) as response,
            ):
                if response.status_code >= 400:
                    text = (await response.aread()).decode(errors="replace")[:1_000].strip()
                    refusal = (
                        _message(text) or f"it refused with HTTP {response.status_code}, no more"
                    )
                    result.fail(refusal, None)
                    # A refused Dockerfile is a 400; a pull answers 500 for any error of its
                    # registry.
                    if path == "/build" and (response.status_code >= 500 or not text):
                        raise engine_error(result.error)
                    return
                async for line in response.aiter_lines():
                    take_line(line, result, on_line)
        except httpx.ConnectError as error:
            raise PlatformError(ErrorCode.UNAVAILABLE, UNREACHABLE) from error
        except httpx.HTTPError as error:
            message = f"the Docker daemon broke off ({type(error).__name__}): try again"
            raise PlatformError(ErrorCode.UNAVAILABLE, message) from error

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[httpx.AsyncClient]:
        scheme, _, address = self.docker_host.partition("://")
        if scheme not in ("unix", "tcp"):
            message = f"DOCKER_HOST {self.docker_host!r}: use unix:///path or tcp://host:port"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        transport = httpx.AsyncHTTPTransport(uds=address) if scheme == "unix" else None
        base = "http://docker" if scheme == "unix" else f"http://{address}"
        timeout = httpx.Timeout(None, connect=10.0)
        async with httpx.AsyncClient(
            transport=transport, base_url=base, timeout=timeout, trust_env=False
        ) as client:
            yield client


def buildkit_params(
    tag: str, dockerfile: str, args: dict[str, str], target: str, labels: dict[str, str]
) -> dict[str, str]:
    """Query of `POST /build` for BuildKit: a tar needs no client session.

    It supports no limits, and no network but the engine's default one.
    """
    params = {
        "version": "2",
        "t": tag,
        "dockerfile": dockerfile,
        "buildargs": json.dumps(args),
        "labels": json.dumps(labels),
    }
    return params | ({"target": target} if target else {})


def build_params(
    tag: str,
    dockerfile: str,
    args: dict[str, str],
    target: str,
    network: str,
    cgroup: str,
    limits: AppLimits,
) -> dict[str, str]:
    """Query of `POST /build` for the classic builder. Without swap, so that memory is limited."""
    params = {
        "t": tag,
        "dockerfile": dockerfile,
        "buildargs": json.dumps(args),
        "networkmode": network,
        "memory": str(limits.build_memory_bytes),
        "memswap": str(limits.build_memory_bytes),
        "cpuperiod": "100000",
        "cpuquota": str(int(limits.build_cpus * 100_000)),
        "ulimits": json.dumps(
            [
                {"Name": "nproc", "Soft": limits.build_pids, "Hard": limits.build_pids},
                {"Name": "fsize", "Soft": limits.disk_bytes, "Hard": limits.disk_bytes},
            ]
        ),
        "rm": "1",
        "forcerm": "1",
    }
    chosen = {"target": target, "cgroupparent": cgroup}
    return params | {name: value for name, value in chosen.items() if value}


def split_tag(image: str) -> tuple[str, str]:
    """(`repository`, `tag`); a digest stays with the repository."""
    if "@" in image:
        return image, ""
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "latest")


def take_line(line: str, result: StreamResult, on_line: Callable[[str], None]) -> None:
    """Take one line of a stream; a line that is no JSON object is ignored."""
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return
    if message.get("id") == "moby.buildkit.trace":
        for line in result.take_trace(str(message.get("aux"))):
            on_line(line[:200])
        return
    if isinstance(made := message.get("aux"), dict) and "ID" in made:
        result.image = str(made["ID"])
    text = message.get("stream") or ""
    if "status" in message and "progressDetail" not in message:
        text = f"{message['status']}\n"
    if "error" in message:
        detail = message.get("errorDetail")
        result.fail(str(message["error"]), detail.get("code") if isinstance(detail, dict) else None)
        text = f"{result.error}\n"
    if text:
        result.log.append(text)
        del result.log[:-50_000]
    if summary := text.strip():
        on_line(summary[:200])
    elif "status" in message:
        on_line(str(message["status"])[:200])


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
