"""Runs a tool's commands: bounded in time, output and processes, in a private workspace.

`Runner` is the `Execute` an adapter is given; `process.py` owns the pipes, `reaper.py` the process
tree.
"""

import asyncio
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analyzers.runtime.process.process import Limits, Process, tail_of
from analyzers.runtime.tool import Command, Completed, HostFault, SlowTool, ToolFault
from telemetry.spans import span


@dataclass(slots=True)
class Executed:
    """One process as provenance keeps it."""

    argv: tuple[str, ...]
    exit_code: int
    cpu_s: float


@dataclass(slots=True)
class Runner:
    """Runs commands one after another or side by side; remembers each for provenance.

    Attributes:
        workspace: working folder, HOME and TMPDIR of the processes.
        search_path: `PATH` of the processes; empty: this process's own.
        deadline: `time.monotonic()` at which every process must be gone; None: no deadline.
        executed: what ran so far.
        waited_s: how long the tool waited for others instead of working.
    """

    workspace: Path
    deadline: float | None = None
    limits: Limits = field(default_factory=Limits)
    executed: list[Executed] = field(default_factory=list)
    waited_s: float = 0.0
    search_path: str = ""

    async def __call__(self, command: Command) -> Completed:
        """Run `command` to its end.

        Raises:
            HostFault: not found, no time left before the deadline, killed from outside.
            SlowTool: killed at its own limit.
            ToolFault: unexpected exit code, output above the cap.
        """
        name = Path(_program(command)).name
        with span("process", program=name) as recorder:
            try:
                return await self._run(command)
            finally:
                if self.executed:
                    recorder.set(exit_code=self.executed[-1].exit_code)

    async def _run(self, command: Command) -> Completed:
        limit_s, is_own = self._limit_s(command)
        started = time.monotonic()
        process = await Process.start(
            command, self.environment(command), self.workspace, self.limits
        )
        try:
            ended = await asyncio.wait_for(process.communicate(self.limits), limit_s)
        except TimeoutError:
            tail = await process.terminate(self.limits.term_grace_s)
            self._remember(command, process.status)
            late = f"{_program(command)}: no end within {limit_s:.0f} s, killed{tail}"
            raise (SlowTool(late) if is_own else HostFault(late)) from None
        except ToolFault:
            self._remember(command, process.status)
            raise
        finally:
            await process.close()
        self._remember(command, process.status)
        return self._completed(command, process, ended, time.monotonic() - started)

    def _limit_s(self, command: Command) -> tuple[float | None, bool]:
        """Seconds the command may take, and whether that is its own limit, not the deadline."""
        left = None if self.deadline is None else self.deadline - time.monotonic()
        if left is not None and left <= 0:
            raise HostFault(f"{_program(command)}: no time left before the deadline")
        if command.limit_s is not None and (left is None or command.limit_s < left):
            return command.limit_s, True
        return left, False

    def environment(self, command: Command) -> dict[str, str]:
        """The environment of a command: little of this process's, and its own variables."""
        folder = str(self.workspace)
        return {
            "PATH": self.search_path or os.pathsep.join(os.get_exec_path()),
            "HOME": folder,
            "TMPDIR": folder,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **command.env,
        }

    def _remember(self, command: Command, status: Mapping[str, Any]) -> None:
        self.executed.append(
            Executed(
                argv=command.argv,
                exit_code=int(status.get("exit_code", -9)),
                cpu_s=float(status.get("cpu_s", 0.0)),
            )
        )

    def _completed(
        self, command: Command, process: Process, ended: tuple[bytes, bytes], duration_s: float
    ) -> Completed:
        stdout, stderr = ended
        status = process.status
        name = command.called or Path(command.argv[0]).name
        if fault := status.get("fault"):
            raise HostFault(f"{command.argv[0]}: cannot start: {fault}")
        if error := status.get("error"):
            raise HostFault(f"{command.argv[0]}: {error}: is the tool installed?")
        if "exit_code" not in status:
            raise HostFault(f"{name}: its processes were killed from outside")
        code = int(status["exit_code"])
        if code not in command.ok_exit_codes:
            raise ToolFault(f"{name} {_ending(code)}{tail_of(stderr or stdout)}")
        return Completed(
            argv=command.argv,
            exit_code=code,
            stdout=stdout,
            stderr=stderr,
            output=self._output(command, stderr),
            duration_s=duration_s,
            cpu_s=float(status["cpu_s"]),
        )

    def _output(self, command: Command, stderr: bytes) -> bytes:
        if command.output is None:
            return b""
        name = command.called or Path(command.argv[0]).name
        try:
            seen = command.output.lstat()
            size = seen.st_size
            if not stat.S_ISREG(seen.st_mode):  # a link may lead anywhere
                raise FileNotFoundError
        except OSError:
            missing = f"{name} wrote no report to {command.output.name}"
            raise ToolFault(f"{missing}{tail_of(stderr)}") from None
        if size > self.limits.output_bytes:
            raise ToolFault(f"{name}: report of {size} bytes, limit {self.limits.output_bytes}")
        return command.output.read_bytes()


def _program(command: Command) -> str:
    return command.called or command.argv[0]


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
