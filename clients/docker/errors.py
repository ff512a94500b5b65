"""Docker's errors as platform faults that name cause and next step."""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import docker
import docker.errors
import requests.exceptions

from contract.errors import ErrorCode, PlatformError
from contract.shortening import shortened

P = ParamSpec("P")
R = TypeVar("R")

# The runtime's words for a command or user that the image lacks: the only errors of the app's.
COMMAND_FAULT = re.compile(
    r'exec: \\?"[^"\\]+\\?": (?:executable file not found|permission denied'
    r"|no such file or directory|is a directory)|unable to find (?:user|group) ",
    re.IGNORECASE,
)
# The SDK's words for an HTTP server without `/version`, or with an answer that is no JSON.
_FOREIGN = re.compile(r"\b4\d\d Client Error|Expecting value|Invalid JSON|ApiVersion")
UNREACHABLE = (
    "the Docker daemon does not answer: start it (`systemctl start docker`), then try again"
)


def connect(docker_host: str, timeout_s: float) -> docker.DockerClient:
    """A client of the engine at `docker_host`. Blocking.

    The socket is tried first: the SDK leaks it when nobody listens, and hides missing permission.

    Raises:
        PlatformError: UNAVAILABLE, PERMISSION_DENIED; FAILED_PRECONDITION: no engine of ours.
    """
    try:
        if docker_host.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(timeout_s)
                probe.connect(docker_host.removeprefix("unix://"))
        return docker.DockerClient(docker_host, timeout=int(timeout_s), max_pool_size=32)
    except PermissionError as error:
        raise PlatformError(
            ErrorCode.PERMISSION_DENIED,
            f"this user may not use {docker_host}: add it to the group `docker`, log in again",
        ) from error
    except (OSError, docker.errors.DockerException) as error:
        raise _no_engine(docker_host, str(error)) from error


def _no_engine(docker_host: str, text: str) -> PlatformError:
    """Why there is no usable engine at `docker_host`: nothing answers, or something else does."""
    if "HTTPS" in text or "WRONG_VERSION_NUMBER" in text:
        message = f"{docker_host} speaks TLS, and no engine is used by TLS: use its unix socket"
        return PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    if "no longer supported" in text:
        message = f"the engine at {docker_host} is too old: Assay needs Docker 20.10 or later"
        return PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    if match := _FOREIGN.search(text):
        message = f"what answers at {docker_host} is no Docker engine ({match[0][:80]})"
        return PlatformError(ErrorCode.FAILED_PRECONDITION, f"{message}: correct DOCKER_HOST")
    return PlatformError(ErrorCode.UNAVAILABLE, UNREACHABLE)


async def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking call of the Docker SDK in a thread.

    A cancelled caller waits for the engine's answer first: the thing that was being made then
    exists with its labels, and the following teardown finds it.

    Raises:
        PlatformError: any error of Docker, mapped.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # seen: only the cancellation counts
        raise
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise platform_error(error) from error


def platform_error(error: Exception) -> PlatformError:
    """The fault behind an exception of the Docker SDK."""
    if isinstance(error, docker.errors.NotFound):
        return PlatformError(ErrorCode.NOT_FOUND, f"Docker: {_text(error)}")
    if isinstance(error, docker.errors.APIError):
        return engine_error(_text(error))
    if isinstance(error, requests.exceptions.ReadTimeout):
        return PlatformError(
            ErrorCode.DEADLINE_EXCEEDED, "the Docker daemon took too long to answer"
        )
    return PlatformError(ErrorCode.UNAVAILABLE, UNREACHABLE)


def engine_error(text: str) -> PlatformError:
    """The fault behind an error message of the engine."""
    if "no space left" in text or "disk quota" in text:
        message = f"the Docker host's disk is full: free some space, then try again ({text})"
        return PlatformError(ErrorCode.RESOURCE_EXHAUSTED, message)
    if "address pool" in text or "Pool overlaps" in text:
        return PlatformError(ErrorCode.RESOURCE_EXHAUSTED, f"no free Docker network: {text}")
    if "port is already allocated" in text or "address already in use" in text:
        return PlatformError(ErrorCode.UNAVAILABLE, f"Docker could not publish a port: {text}")
    if "container-init binary not found" in text:
        message = f"Podman lacks its init: install `catatonit` on its host ({text})"
        return PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    return PlatformError(ErrorCode.INTERNAL, f"Docker: {text}")


def _text(error: docker.errors.APIError) -> str:
    return shortened(str(error.explanation or error), 500)
