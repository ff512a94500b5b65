"""The address of an engine: which `DOCKER_HOST` can be used, and whether it is this machine's."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from clients.targets import Location
from contract.errors import ErrorCode, PlatformError

# Of the kernel's `sockaddr_un`, without the byte that ends it.
_MAX_PATH_BYTES = 107
_FORMS = "unix:///path or tcp://host:port"
_WORKER_THERE = (
    "apps are published on 127.0.0.1 of the engine's machine, which nothing here reaches: run a"
    " worker on that machine, with its own engine"
)


def usable(docker_host: str, location: Location) -> str:
    """The address meant by `docker_host`, if we can reach apps there. Blocking: asks DNS.

    Args:
        docker_host: the value of `DOCKER_HOST`.
        location: where this process and the live analyzers run.

    Raises:
        PlatformError: INVALID_ARGUMENT: no such address is possible; FAILED_PRECONDITION: it is
            another machine's.
    """
    text = docker_host.strip()
    scheme, colon, rest = text.partition("://")
    if scheme == "ssh":
        message = f"DOCKER_HOST {docker_host!r}: engines are not used by ssh; {_WORKER_THERE}"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    if scheme == "unix" and colon:
        return _socket(docker_host, rest)
    if scheme == "tcp" and colon:
        return _port(docker_host, text, location)
    raise _wrong(docker_host, f"use {_FORMS}")


def neighbours(docker_host: str) -> tuple[str, ...]:
    """Sockets of other engines of this user: rootless Docker, Docker Desktop, Podman."""
    own = f"/run/user/{os.getuid()}"
    paths = (
        "/var/run/docker.sock", f"{own}/docker.sock", str(Path.home() / ".docker/run/docker.sock"),
        f"{own}/podman/podman.sock", "/run/podman/podman.sock",
    )  # fmt: skip
    found = (f"unix://{path}" for path in paths if os.access(path, os.R_OK | os.W_OK))
    return tuple(candidate for candidate in found if candidate != docker_host)


def _socket(docker_host: str, path: str) -> str:
    if not path.startswith("/"):
        raise _wrong(docker_host, "a socket's path is absolute: unix:///path")
    if set(path) & set("?#;\0"):
        raise _wrong(docker_host, "no `?`, `#` or `;` in its path: link to it from another one")
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        message = f"its path is longer than {_MAX_PATH_BYTES} bytes: link to it from a shorter one"
        raise _wrong(docker_host, message)
    return f"unix://{path}"


def _port(docker_host: str, text: str, location: Location) -> str:
    try:
        parts = urlsplit(text)
        name, port = parts.hostname or "", parts.port or 0
    except ValueError as error:
        raise _wrong(docker_host, str(error)) from error
    if (
        not name
        or not port
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or "@" in text
    ):
        raise _wrong(docker_host, f"use {_FORMS}")
    # In containers it may be the name of a neighbour that passes on this machine's socket.
    if location == "host" and not _is_own(name, port):
        message = f"DOCKER_HOST {docker_host!r} is another machine; {_WORKER_THERE}"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    return f"tcp://{f'[{name}]' if ':' in name else name}:{port}"


def _is_own(name: str, port: int) -> bool:
    """Whether the name is one of this machine's; True also for an unknown name, reported later."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError:
        return True
    own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    addresses_found = [str(address[0]) for *_, address in found]
    return any(
        address in own or address.startswith("127.") or address == "::1"
        for address in addresses_found
    )


def _wrong(docker_host: str, cause: str) -> PlatformError:
    return PlatformError(ErrorCode.INVALID_ARGUMENT, f"DOCKER_HOST {docker_host!r}: {cause}")
