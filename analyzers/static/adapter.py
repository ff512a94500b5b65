"""The common part of static adapters: a private copy of their files, coverage, findings, maps.

A tool never sees the app's own folder. It gets a copy of only the files in its languages, so that
neither the app's tool configuration nor its ignore files can hide anything from it.
"""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.measure.nothing import ToolNeededError
from analyzers.runtime.reasons import cause_of, not_own
from analyzers.runtime.tool import (
    Canary,
    Command,
    Completed,
    Execute,
    NotApplicable,
    NotMeasured,
    Parsed,
    SourceTree,
    ToolFault,
    ToolRun,
)
from analyzers.static.files import copy_files
from analyzers.static.isolate import measured_apart
from analyzers.static.lines import Lines, line_reader
from analyzers.static.python_files import ANY_DEPTH
from analyzers.static.reading import (
    Gathered,
    coverage,
    finding,
    load_json,
    mapped,
    positive,
    relative,
    with_skipped,
)
from analyzers.static.syntax import explained, fences, refusal, unread_relatives
from contract.analysis import Category, SkipCause

__all__ = [
    "CommandTool",
    "Gathered",
    "Lines",
    "NodeTool",
    "copy_files",
    "coverage",
    "finding",
    "first_version",
    "line_reader",
    "load_json",
    "mapped",
    "own_python",
    "positive",
    "relative",
    "with_skipped",
]


class CommandTool:
    """Base of adapters that run one command over the files of their languages.

    Attributes:
        file_kind: the kind of its files, for people (`Python`).
        suffixes: the tool's files end with one of these.
        version_argv: arguments that print the version.
        reads_selected: whether its own `run` reads only files that `select` names.
        apart: its coverage counts files, and a file that it fails on is reported apart from others.
        parses: it reads files as source, not as plain text.
        max_depth: how deep a Python file may nest before the tool crashes on it.
    """

    name: str
    looks_for: frozenset[Category]
    canary: Canary
    cost: float = 1.0
    exclusive: bool = False
    after: tuple[str, ...] = ()
    file_kind: str
    suffixes: tuple[str, ...]
    version_argv: tuple[str, ...] = ("--version",)
    reads_selected: bool = False
    apart: bool = False
    parses: bool = True
    max_depth: int = ANY_DEPTH

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """How the tool is started: the executable and the words before the arguments."""
        return (str(tools_dir / "venv/bin" / self.name),)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """The files that it looks at, out of all analysable files of the app."""
        return tuple(name for name in files if name.endswith(self.suffixes))

    def reads(self, source: SourceTree) -> tuple[str, ...] | None:
        """The files that its kept report depends on; None: any file of the app."""
        plain = type(self).run is CommandTool.run
        return self.select(source.files) if plain or self.reads_selected else None

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Command line, to be run in the folder that holds the copy."""
        raise NotImplementedError

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The command; adapters that differ in exit codes or output file override this."""
        return Command(self.argv(tools_dir, workspace), cwd=workspace / "src")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Read `raw`. Raises: ToolFault for anything that it does not know."""
        raise NotImplementedError

    def raw(self, done: Completed) -> bytes:
        """The report: the output file where the command names one, else standard output."""
        return done.output or done.stdout

    def cleaned(self, data: bytes) -> bytes:
        """The content of a copied file: comments that the tool would obey are changed in place."""
        return data

    def rules_digest(self) -> str:
        """Empty: the version covers everything."""
        return ""

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """First dotted number the tool prints. Raises: ToolFault when it does not start."""
        argv = (*self.program(run.tools_dir), *self.version_argv)
        done = await execute(Command(argv, cwd=run.workspace, limit_s=150))
        return first_version(done.stdout + done.stderr, self.name)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Measure its files. Files that the runtime withheld from all tools count as skipped."""
        selected = self.select(self.candidates(run.source))
        given = tuple(name for name in selected if len(name.splitlines()) == 1)
        withheld = self._withheld(run.source, given)
        withheld |= dict.fromkeys(set(selected).difference(given), "a line break in its name")
        flaws = fences(run.source.root, given) if self.parses else {}
        fenced = {name: flaw.reason for name, flaw in flaws.items()}
        usable = [name for name in given if name not in fenced]
        if not usable:
            raise refusal(self.file_kind, withheld | fenced)
        if not self.apart:
            return with_skipped(await self.measure(run, usable, execute), withheld | fenced)
        parsed = await measured_apart(self.measure, run, usable, execute, depth=self.max_depth)
        parsed = await explained(self.file_kind, run, usable, parsed, execute)
        return with_skipped(parsed, withheld | fenced)

    async def nothing_for(self, run: ToolRun, execute: Execute) -> NotApplicable | None:
        """Why the app has nothing for it: it says so before it would run its program."""
        try:
            await self.run(run, execute)
        except NotApplicable as nothing:
            return nothing
        except (ToolNeededError, NotMeasured):
            return None
        return None

    def candidates(self, source: SourceTree) -> tuple[str, ...]:
        """Files of the app that it may look at."""
        return source.files

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Copy the files, run the command there, read the report."""
        self.copy(run, given)
        done = await execute(self.command(run.tools_dir, run.workspace))
        return self.parse(self.report(run, done), given, line_reader(run.source.root))

    def copy(self, run: ToolRun, names: Sequence[str]) -> None:
        """A fresh copy of these files in the tool's own folder."""
        shutil.rmtree(run.workspace / "src", ignore_errors=True)
        copy_files(run.source.root, names, run.workspace / "src", self.cleaned)

    def report(self, run: ToolRun, done: Completed) -> bytes:
        """The report with the app's own paths: the copy's folder is removed from them."""
        raw = self.raw(done)
        for workspace in {str(run.workspace), os.path.realpath(run.workspace)}:
            raw = raw.replace(f"{workspace}/src/".encode(), b"")
        return raw

    def _withheld(self, source: SourceTree, given: Sequence[str]) -> dict[str, str]:
        """Files and folders of the app that it should look at and cannot, with the reason."""
        left = dict(source.withheld("")) | unread_relatives(self.suffixes, source.files)
        selected = {*self.select(tuple(left)), *(name for name in left if name.endswith("/"))}
        selected |= {name for name in left if cause_of(left[name]) is SkipCause.OTHER_FORM}
        if not self.apart:  # it counts dependencies: folders that are not the app's hold none
            selected = {name for name in selected if not not_own(left[name])}
        if self.suffixes == ("",):
            selected = {name for name in selected if cause_of(left[name]) is not SkipCause.BINARY}
        return {name: left[name] for name in sorted(selected.difference(given))}


class NodeTool(CommandTool):
    """Base of adapters whose tool is a package of npm."""

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The package's own executable, which finds `node` on the PATH."""
        return (str(tools_dir / "node_modules/.bin" / self.name),)


def first_version(text: bytes, tool: str) -> str:
    """First dotted number in a tool's output. Raises: ToolFault when there is none."""
    match = re.search(rb"\d+(\.\d+)+", text)
    if match is None:
        raise ToolFault(f"{tool}: told no version")
    return match.group().decode()


def own_python() -> tuple[str, ...]:
    """This interpreter, for our own checks that run as separate processes."""
    return (sys.executable, "-I")
