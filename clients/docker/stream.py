"""The engine's two streaming calls, build and pull, cancellable at any moment.

The Docker SDK blocks a thread until the next line of a build arrives, which may be never. Here a
cancelled or overdue build closes its connection, and the engine stops the build.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from clients.docker.errors import UNREACHABLE, engine_error
from clients.limits import AppLimits
from contract.errors import ErrorCode, PlatformError

_MAX_LOG_BYTES = 4 * 1024 * 1024
_STEP_CONTAINER = re.compile(r"^ ---> Running in ([0-9a-f]{12})")


@dataclass(slots=True)
class StreamResult:
    """What a stream of the engine said; `error` is empty on success."""

    log: list[str] = field(default_factory=list[str])
    error: str = ""
    exit_code: int | None = None

    @property
    def text(self) -> str:
        """The log, at most `_MAX_LOG_BYTES` of its end."""
        return "".join(self.log)[-_MAX_LOG_BYTES:]

    def last_command(self) -> str:
        """The Dockerfile step that was at work last."""
        steps = (line for line in reversed(self.log) if line.startswith("Step "))
        return next(steps, "").partition(" : ")[2].strip()

    def last_container(self) -> str:
        """Short ID of the container that the last step ran in; empty when it needed none."""
        found = (_STEP_CONTAINER.search(line) for line in reversed(self.log))
        return next((one[1] for one in found if one), "")


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
        """Build an image from a context tar; a failed step is in the result.

        Raises:
            PlatformError: the engine is unreachable or refuses; FAILED_PRECONDITION when
                the time was too short, of which nobody can say whether app or host was too slow.
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
        """Pull `image`; an unreachable registry is in the result, within `first_answer_s`."""
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
                    text = (await response.aread()).decode(errors="replace")[:1_000]
                    result.error = _message(text)
                    # A refused Dockerfile is a 400; a pull says 500 for whatever its registry says.
                    if response.status_code >= 500 and path == "/build":
                        raise engine_error(result.error)
                    return
                async for line in response.aiter_lines():
                    _take(line, result, on_line)
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


def build_params(
    tag: str,
    dockerfile: str,
    args: dict[str, str],
    target: str,
    network: str,
    cgroup: str,
    limits: AppLimits,
) -> dict[str, str]:
    """Query of `POST /build`. Swap is off, so the memory limit is the limit."""
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


def _take(line: str, result: StreamResult, on_line: Callable[[str], None]) -> None:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return
    text = message.get("stream") or ""
    if "status" in message and "progressDetail" not in message:
        text = f"{message['status']}\n"
    if "error" in message:
        result.error = str(message["error"])
        detail = message.get("errorDetail")
        result.exit_code = detail.get("code") if isinstance(detail, dict) else None
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
