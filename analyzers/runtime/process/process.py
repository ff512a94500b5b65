"""One command's processes and the pipes to them.

Each command runs under `reaper.py`, which ends every process that the tool started, whatever
happens to the tool or to the analyzer. Output is read while it comes and is cut at a limit, so it
never fills the memory.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzers.runtime.process.fork_server import FORK_SERVER, in_memory, request_of
from analyzers.runtime.tool import Command, HostFault, ToolFault

_TAIL_LINES = 8
_TAIL_CHARS = 1_500
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use.

    Attributes:
        output_bytes: each of standard output, standard error and the output file.
        file_bytes: the largest file any of its processes may write.
        term_grace_s: between SIGTERM and SIGKILL.
    """

    output_bytes: int = 128 * 1024 * 1024
    file_bytes: int = 2 * 1024**3
    term_grace_s: float = 3.0


class Process:
    """A reaper and the pipes to it."""

    def __init__(self, control_fd: int, streams: Sequence[asyncio.StreamReader]) -> None:
        self._control: int | None = control_fd
        self._stdout, self._errors, status = streams
        self._stderr = bytearray()
        self._ended = asyncio.ensure_future(status.read())
        self.status: dict[str, Any] = {}

    @classmethod
    async def start(
        cls, command: Command, env: dict[str, str], workspace: Path, limits: Limits
    ) -> "Process":
        """Start the reaper; a working folder that is missing is a `ToolFault`."""
        given: list[int] = []  # in the order of `reaper.FDS`; closed below, in any case
        with ExitStack() as unless_started:
            try:
                given.append(in_memory("request", request_of(command.argv, env, limits.file_bytes)))
                control_read, control = os.pipe()
                unless_started.callback(os.close, control)
                given.append(control_read)
                status = await _reader(given)
                given.append(_stdin(command.stdin))
                streams = [await _reader(given), await _reader(given), status]
                given.append(os.open(command.cwd or workspace, os.O_RDONLY | os.O_DIRECTORY))
                FORK_SERVER.ask(given)
                unless_started.pop_all()
            except (OSError, ValueError) as error:
                raise HostFault(f"{command.argv[0]}: cannot start: {error}") from error
            finally:
                for fd in given:
                    os.close(fd)
        return cls(control, streams)

    async def communicate(self, limits: Limits) -> tuple[bytes, bytes]:
        """Standard output and error, read to their end.

        Raises:
            ToolFault: one of them is above the cap.
        """
        tasks = [
            asyncio.ensure_future(_read(self._stdout, bytearray(), limits, "output")),
            asyncio.ensure_future(_read(self._errors, self._stderr, limits, "error")),
        ]
        try:
            await asyncio.gather(*tasks)
            await asyncio.shield(self._ended)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._read_status()
        return tasks[0].result(), bytes(self._stderr)

    async def terminate(self, grace_s: float) -> str:
        """SIGTERM to all, SIGKILL after the grace; the last lines of standard error."""
        if self._control is not None:
            with suppress(OSError):
                os.write(self._control, b"t")
        await asyncio.wait({self._ended}, timeout=grace_s)
        await self.close()
        return tail_of(bytes(self._stderr))

    async def close(self) -> None:
        """Kill whatever is left. Safe to repeat."""
        if self._control is not None:
            os.close(self._control)
            self._control = None
            await _uninterrupted(self._drained())
            self._read_status()

    async def _drained(self) -> None:
        """Wait until all pipes are at their end; then their transports close."""
        for stream in (self._stdout, self._errors):
            while await stream.read(_READ_BYTES):
                pass
        await self._ended

    def _read_status(self) -> None:
        with suppress(ValueError):
            self.status = json.loads(self._ended.result())


def _stdin(data: bytes | None) -> int:
    return in_memory("stdin", data) if data else os.open(os.devnull, os.O_RDONLY)


async def _reader(given: list[int]) -> asyncio.StreamReader:
    """A reader of a new pipe, whose other end is added to `given`. It closes itself at the end."""
    reader = asyncio.StreamReader()
    fd, other = os.pipe()
    given.append(other)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    return reader


async def _read(stream: asyncio.StreamReader, into: bytearray, limits: Limits, name: str) -> bytes:
    while block := await stream.read(_READ_BYTES):
        into += block
        if len(into) > limits.output_bytes:
            raise ToolFault(f"standard {name} above {limits.output_bytes} bytes")
    return bytes(into)


async def _uninterrupted(wait: Any) -> None:
    """Wait to the end even if the caller is cancelled; then raise the cancellation."""
    task = asyncio.ensure_future(wait)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def tail_of(data: bytes) -> str:
    """The last lines of `data` as `: line | line`, for a message; empty if there are none."""
    lines = data[-64 * 1024 :].decode("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:]
    text = " | ".join(line.strip() for line in lines if line.strip())[-_TAIL_CHARS:]
    return f": {text}" if text else ""
