"""What a tool adapter is: a command whose output is parsed, or a probe in our own code.

The runtime owns processes, time, disk and the four states. An adapter only says what to run and
what the output means. A tool is added by one module and one entry in its service's `TOOLS`.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from contract.analysis import Category, Coverage, Finding, Metric, SubtaskRequest
from contract.source_digest import is_covered


class NotMeasured(Exception):
    """Why a cell is not measured; `row` is the key in `blame.ROWS` that decided it, if one did."""

    row: str = ""


class AppFault(NotMeasured):
    """The app under test did not build, answer or survive: the cell becomes `app_failed`."""


class NotApplicable(NotMeasured):
    """Nothing for this tool to look at: the cell becomes `not_applicable`.

    Attributes:
        coverage: what was there, and why the tool could not look at it.
    """

    def __init__(self, reason: str = "", coverage: Coverage | None = None) -> None:
        super().__init__(reason)
        self.coverage = coverage


class ToolFault(NotMeasured):
    """The tool failed: the cell becomes `infra_failed`. Any other exception does the same."""


class NoSource(ToolFault):
    """A source outside that the tool must ask gave no answer, `why`.

    Advisories are not part of a tool: without them it measures nothing, and an app counts as
    measured without it (`ToolReport.lacks_source`).
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"advisory source unreachable: {why}")
        self.why = why


class HostFault(ToolFault):
    """No input of the tool can be the cause: not installed, no time left, killed from outside."""


class SlowTool(ToolFault):
    """The command did not end within its own limit (`Command.limit_s`), before the deadline."""


@dataclass(frozen=True, slots=True)
class SourceTree:
    """The app's files as every tool of one run sees them, listed once.

    Attributes:
        root: read-only folder.
        files: analysable files, relative POSIX paths, sorted; symlinks out of the tree, vendored,
            generated and oversized files are not among them.
        left_out: (relative path, reason) of the others, see `reasons.py`; folders end with `/`.
        idle: folders (`old-site/`) that nothing starts, see `projects.py`.
    """

    root: Path
    files: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    idle: tuple[str, ...] = ()

    def matching(self, *suffixes: str) -> tuple[str, ...]:
        """Files whose name ends with one of `suffixes` (`.py`, `Dockerfile`)."""
        return tuple(name for name in self.files if name.endswith(suffixes))

    def withheld(self, *suffixes: str) -> tuple[tuple[str, str], ...]:
        """(relative path, reason) of the app's own files no tool is given, by the same suffixes.

        Folders that could not be listed (too deep, unreadable) count for every suffix: nobody knows
        what is in them. So do folders that were taken for other people's work or for build output,
        except those that are no part of any source (`node_modules`, caches).
        """
        return tuple(
            (name, reason)
            for name, reason in self.left_out
            if name.endswith((*suffixes, "/"))
            and is_covered(f"{name}x" if name[-1:] == "/" else name)
        )


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What an adapter is given.

    Attributes:
        request: the whole subtask.
        source: the app's files.
        workspace: this tool's own empty folder, removed afterwards; also HOME and TMPDIR of its
            processes.
        tools_dir: folder with this service's installed tools (`venv/bin`, `node_modules/.bin`).
        attach: writes an opaque attachment (name, bytes) into the result archive.
        progress: reports what the tool does now, for people.
        waiting: inside this block the tool waits for others. That time does not count against the
            deadline, within the limit by which a run may be extended.
        shared: values that a tool leaves for later tools of the same run (e.g. discovered routes),
            by tool name. They must be JSON, or the tool's report is not cached.
        canary: whether this run is the proof that the tool sees, on its own canary. Only the
            runtime sets it; no request and no app can.
    """

    request: SubtaskRequest
    source: SourceTree
    workspace: Path
    tools_dir: Path
    attach: Callable[[str, bytes], None] = lambda _name, _data: None
    progress: Callable[[str], None] = lambda _message: None
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    shared: dict[str, Any] = field(default_factory=dict)
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One process to run.

    Attributes:
        argv: exact command line. Process lists and the provenance show it: pass secrets on standard
            input.
        cwd: working folder, default the workspace.
        env: added to a minimal environment.
        ok_exit_codes: codes that mean the tool did its work; any other is a `ToolFault`.
        output: file the tool writes its report to; None: its standard output.
        limit_s: ends the process group after this long; None: what is left of the deadline.
        called: its name in messages; empty: that of its program.
        ours: it is a reader of ours, which works where the tool does not.
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    ok_exit_codes: frozenset[int] = frozenset({0})
    output: Path | None = None
    limit_s: float | None = None
    stdin: bytes | None = None
    called: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """How a `Command` ended (it exited with an accepted code in time)."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    output: bytes
    duration_s: float
    cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a tool measured. Coverage of zero makes the runtime refuse it as `infra_failed`.

    Attributes:
        fresh_for: how long the report may be used again for an unchanged app. None: as long as this
            kind of analyzer allows; zero: never (a contended test, a judge that did not answer).
    """

    coverage: Coverage
    findings: tuple[Finding, ...] = ()
    metrics: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    fresh_for: timedelta | None = None


class Execute(Protocol):
    """Runs a `Command` in the tool's workspace.

    Raises:
        ToolFault: not found, unexpected exit code, killed at its limit, output above the cap; the
            message carries the last lines of standard error.
    """

    def __call__(self, command: Command) -> Awaitable[Completed]:
        """Run `command` to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Canary:
    """A tiny planted flaw: files the tool is run on, and what it must find there.

    Attributes:
        files: relative path -> content of the canary app.
        expect: rule IDs of which at least one must be among the findings; empty: measuring anything
            with coverage above zero is enough.
        serve: for live tools: answers of the canary server, `METHOD /path` -> (status, headers,
            body); the runtime serves them on 127.0.0.1 and passes it as the target; `{query:NAME}`
            in a body is replaced with the raw query value.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    expect: frozenset[str] = frozenset()
    serve: Mapping[str, tuple[int, Mapping[str, str], str]] = field(default_factory=dict)


@runtime_checkable
class Tool(Protocol):
    """One adapter. It may also say which files it reads (`cache_key.Reads`), for the result cache.

    Attributes:
        name: lower-case, as the field writes it (`bandit`).
        looks_for: categories of the findings it looks for; reports require its measurement for
            these and for no others.
        canary: the planted flaw that proves it sees.
        cost: relative weight when tools run side by side within the CPU budget (1 = one core).
        exclusive: runs alone within the subtask (load generators).
        after: tools that must have ended before, if they run in the same subtask: it reads their
            `shared` values, or would disturb them.
    """

    name: str
    looks_for: frozenset[Category]
    canary: Canary
    cost: float
    exclusive: bool
    after: tuple[str, ...]

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """The tool's own version, as it reports it.

        Raises:
            ToolFault: it is not installed or does not start.
        """
        ...

    def rules_digest(self) -> str:
        """sha256 of rule set and configuration; empty if the version determines them."""
        ...

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Measure. Commands go through `execute`, so that time, output and processes are bounded.

        Raises:
            NotApplicable, AppFault, ToolFault: the other three states.
        """
        ...
