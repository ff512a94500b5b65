"""A command inside a container of an app: its output is hostile, bounded in size and time."""

import time
from contextlib import suppress
from typing import Any, cast

import docker


def run_inside(
    client: docker.DockerClient,
    container_id: str,
    argv: list[str],
    timeout_s: float,
    max_bytes: int,
    *,
    errors: bool = False,
) -> tuple[int | None, bytes]:
    """Exit code and output of `argv`; no exit code: it still ran when we left it. Blocking.

    Args:
        client: of the engine.
        container_id: the container.
        argv: the command.
        timeout_s: how long we wait for its end.
        max_bytes: of output, after which we do not wait any more.
        errors: whether its standard error counts as output.
    """
    made = client.api.exec_create(container_id, argv, tty=True, stderr=errors)
    stream = cast("Any", client.api.exec_start(made["Id"], tty=True, socket=True))
    raw = getattr(stream, "_sock", stream)
    ends_s = time.monotonic() + timeout_s
    data, has_ended = b"", False
    try:
        with suppress(TimeoutError):
            while len(data) < max_bytes and not has_ended:
                raw.settimeout(max(ends_s - time.monotonic(), 0.001))
                chunk = raw.recv(65_536)
                data += chunk
                has_ended = not chunk
    finally:
        if (response := getattr(stream, "_response", None)) is not None:  # it holds the connection
            response.close()
        stream.close()
        raw.close()
    # Closing the connection may end the command, with a code that is not its own.
    code: int | None = client.api.exec_inspect(made["Id"]).get("ExitCode") if has_ended else None
    return code, data
