"""One command's processes and the pipes to them.

Each command runs under `warden.py`, which ends every process the tool started whatever happens to
the tool or to the analyzer. Output is read as it comes, so a flood is cut at the cap and never
fills the memory.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzers.runtime.tool import Command, HostFault, ToolFault

_WARDEN = Path(__file__).with_name("warden.py")
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
    """A warden and the pipes to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        stdin: bytes | None,
        control_fd: int,
        status_fd: int,
    ) -> None:
        self._process = process
        self._stdin = stdin
        self._control: int | None = control_fd
        self._status_fd = status_fd
        self._stderr = bytearray()
        self.status: dict[str, Any] = {}

    @classmethod
    async def start(
        cls, command: Command, env: dict[str, str], workspace: Path, limits: Limits
    ) -> "Process":
        """Start the warden; a working folder that is missing is a `ToolFault`."""
        control_read, control_write = os.pipe()
        status_read, status_write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_WARDEN)),
                *(str(control_read), str(status_write), str(limits.file_bytes)),
                *command.argv,
                stdin=asyncio.subprocess.PIPE if command.stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=command.cwd or workspace,
                env=env,
                pass_fds=(control_read, status_write),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(control_write)
            os.close(status_read)
            raise HostFault(f"{command.argv[0]}: cannot start: {error}") from error
        finally:
            os.close(control_read)
            os.close(status_write)
        return cls(process, command.stdin, control_write, status_read)

    async def communicate(self, limits: Limits) -> tuple[bytes, bytes]:
        """Standard output and error, read to their end.

        Raises:
            ToolFault: one of them is above the cap.
        """
        tasks = [
            asyncio.ensure_future(_read(self._process.stdout, bytearray(), limits, "output")),
            asyncio.ensure_future(_read(self._process.stderr, self._stderr, limits, "error")),
            asyncio.ensure_future(self._feed()),
        ]
        try:
            await asyncio.gather(*tasks)
            await self._process.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._read_status()
        return tasks[0].result(), bytes(self._stderr)

    async def _feed(self) -> bytes:
        if self._stdin and self._process.stdin:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._process.stdin.write(self._stdin)
                await self._process.stdin.drain()
            self._process.stdin.close()
        return b""

    async def terminate(self, grace_s: float) -> str:
        """SIGTERM to all, SIGKILL after the grace; the last lines of standard error."""
        if self._control is not None:
            with suppress(OSError):
                os.write(self._control, b"t")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), grace_s)
        await self.close()
        return tail_of(bytes(self._stderr))

    async def close(self) -> None:
        """Kill whatever is left and reap the warden. Safe to repeat."""
        if self._control is not None:
            os.close(self._control)
            self._control = None
            await _uninterrupted(self._drained())
            self._read_status()
            os.close(self._status_fd)

    async def _drained(self) -> None:
        """Wait for the end; asyncio sees it only when both pipes were read to theirs."""
        for stream in (self._process.stdout, self._process.stderr):
            while stream and await stream.read(_READ_BYTES):
                pass
        await self._process.wait()

    def _read_status(self) -> None:
        if not self.status:
            with suppress(ValueError, OSError):
                self.status = json.loads(os.read(self._status_fd, 4096))


async def _read(
    stream: asyncio.StreamReader | None, into: bytearray, limits: Limits, what: str
) -> bytes:
    while stream and (block := await stream.read(_READ_BYTES)):
        into += block
        if len(into) > limits.output_bytes:
            raise ToolFault(f"standard {what} above {limits.output_bytes} bytes")
    return bytes(into)


async def _uninterrupted(wait: Any) -> None:
    """Wait to the end even if the caller is cancelled meanwhile; then let that through."""
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
