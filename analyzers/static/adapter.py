"""What static adapters share: a private copy of their files, coverage, findings, explicit maps.

A tool never sees the app's own folder: it gets a copy of the files of its languages and nothing
else, so that neither the app's tool configuration nor its ignore files can blind it.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeVar

from analyzers.runtime.sarif import fingerprint
from analyzers.runtime.tool import (
    Canary,
    Command,
    Completed,
    Execute,
    NotApplicable,
    Parsed,
    SourceTree,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Confidence, Coverage, Finding, Location, Severity, Skipped

Lines = Callable[[str, int], str]
"""The text of one line of an app's file (path relative to the app's root, line from 1)."""

T = TypeVar("T")

_MAX_SKIPPED = 50
_MAX_MESSAGE = 4_000
_MAX_EVIDENCE = 2_000
_NO_SOURCE = {"binary", "minified", "generated"}  # left out because nobody wrote it


class CommandTool:
    """Base of adapters that run one command over the files of their languages.

    Attributes:
        what: what it looks at, for people (`Python`).
        suffixes: names of its files end with one of these.
        version_argv: arguments that print the version.
        reads_selected: whether a `run` of its own reads no other files than `select` names.
    """

    name: str
    canary: Canary
    cost: float = 1.0
    exclusive: bool = False
    after: tuple[str, ...] = ()
    what: str
    suffixes: tuple[str, ...]
    version_argv: tuple[str, ...] = ("--version",)
    reads_selected: bool = False

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """How the tool is started: the executable and what must precede the arguments."""
        return (str(tools_dir / "venv/bin" / self.name),)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """The files it looks at, out of all analysable files of the app."""
        return tuple(name for name in files if name.endswith(self.suffixes))

    def reads(self, source: SourceTree) -> tuple[str, ...] | None:
        """The files its kept report depends on; None: any file of the app."""
        plain = type(self).run is CommandTool.run
        return self.select(source.files) if plain or self.reads_selected else None

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Command line, to be run in the folder that holds the copy."""
        raise NotImplementedError

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The command; adapters that differ in exit codes or output file override this."""
        return Command(self.argv(tools_dir, workspace), cwd=workspace / "src")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """What `raw` says. Raises: ToolFault for anything it does not know."""
        raise NotImplementedError

    def raw(self, done: Completed) -> bytes:
        """The report: the output file where the command names one, else standard output."""
        return done.output or done.stdout

    def cleaned(self, data: bytes) -> bytes:
        """A file as it is copied: where a tool obeys comments they are changed, byte for byte."""
        return data

    def rules_digest(self) -> str:
        """Empty: the version says all."""
        return ""

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """First dotted number the tool prints. Raises: ToolFault when it does not start."""
        argv = (*self.program(run.tools_dir), *self.version_argv)
        done = await execute(Command(argv, cwd=run.workspace, limit_s=150))
        return first_version(done.stdout + done.stderr, self.name)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Measure its files; those the runtime withheld from every tool are skipped, not unseen."""
        mine = self.select(self.candidates(run.source))
        given = tuple(name for name in mine if len(name.splitlines()) == 1)
        withheld = self._withheld(run.source, given)
        withheld |= dict.fromkeys(set(mine).difference(given), "a line break in its name")
        if not given:
            _refuse(self.what, withheld)
        return with_skipped(await self.measure(run, given, execute), withheld)

    def candidates(self, source: SourceTree) -> tuple[str, ...]:
        """Files of the app it may look at."""
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
        """The report with paths as the app has them: the copy's own folder is cut off."""
        raw = self.raw(done)
        for workspace in {str(run.workspace), os.path.realpath(run.workspace)}:
            raw = raw.replace(f"{workspace}/src/".encode(), b"")
        return raw

    def _withheld(self, source: SourceTree, given: Sequence[str]) -> dict[str, str]:
        """Files and folders of the app it would have looked at, with the reason it cannot."""
        left = dict(source.withheld(""))
        mine = {*self.select(tuple(left)), *(name for name in left if name.endswith("/"))}
        if self.suffixes == ("",):
            mine = {name for name in mine if left[name] != "binary"}
        return {name: left[name] for name in sorted(mine.difference(given))}


def _refuse(what: str, withheld: Mapping[str, str]) -> NoReturn:
    """Say why a tool has nothing to measure: nothing is there, or nobody may read it."""
    unread = [f"{name}: {why}" for name, why in withheld.items()]
    shown = "; ".join(unread[:3]) + (f" and {len(unread) - 3} more" if len(unread) > 3 else "")
    if all(why in _NO_SOURCE for why in withheld.values()):
        raise NotApplicable(f"no {what} files" + (f" ({shown})" if unread else ""))
    raise ToolFault(f"no {what} files could be read: {shown}")


class NodeTool(CommandTool):
    """Base of adapters whose tool is a package of npm."""

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The package's own executable, which finds `node` on the PATH."""
        return (str(tools_dir / "node_modules/.bin" / self.name),)


def first_version(text: bytes, tool: str) -> str:
    """First dotted number in what a tool printed. Raises: ToolFault when there is none."""
    match = re.search(rb"\d+(\.\d+)+", text)
    if match is None:
        raise ToolFault(f"{tool}: told no version")
    return match.group().decode()


def own_python() -> tuple[str, ...]:
    """This interpreter, for checks of ours that run as a process of their own."""
    return (sys.executable, "-I")


def copy_files(
    root: Path, files: Iterable[str], target: Path, change: Callable[[bytes], bytes] = bytes
) -> None:
    """Copy `files` below `target`, which is made, each as `change` leaves it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(change((root / name).read_bytes()))


def line_reader(root: Path) -> Lines:
    """Reader of single lines of the app's files; empty where there is no such line."""

    @lru_cache(maxsize=32)
    def lines_of(path: str) -> tuple[str, ...]:
        try:
            text = (root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ()
        return tuple(text.splitlines())

    def read(path: str, line: int) -> str:
        lines = lines_of(path)
        return lines[line - 1].strip() if 1 <= line <= len(lines) else ""

    return read


def relative(path: str, given: frozenset[str]) -> str:
    """`path` as a report has it (`./` or `file://` before it) as one of the files it was given.

    Raises:
        ToolFault: it is none of them, so the tool looked at something else.
    """
    name = str(PurePosixPath(path.removeprefix("file://")))
    if name not in given:
        raise ToolFault(f"report names a file that was not given: {path}")
    return name


def mapped(table: Mapping[Any, T], value: Any, what: str) -> T:
    """`table[value]`. Raises: ToolFault: unknown values are errors, never a default."""
    try:
        return table[value]
    except (KeyError, TypeError):
        raise ToolFault(f"unknown {what}: {value!r}") from None


def load_json(raw: bytes, tool: str) -> Any:
    """The JSON of a report. Raises: ToolFault when it is none, or nothing at all."""
    try:
        return json.loads(raw)
    except ValueError as exc:
        start = raw[:200].decode(errors="replace")
        raise ToolFault(f"{tool}: report is no JSON ({exc}): {start!r}") from None


def coverage(
    given: Sequence[str], reached: Iterable[str], reasons: Mapping[str, str] | None = None
) -> Coverage:
    """Files given and reached; what was not reached is skipped, with the reason a tool gave."""
    missing = sorted(set(given) - (set(reached) - set(reasons or {})))
    why = reasons or {}
    skipped = tuple(
        Skipped(what=name, reason=why.get(name, "not read by the tool")[:500])
        for name in missing[:_MAX_SKIPPED]
    )
    return Coverage(
        unit="files",
        given=len(given),
        reached=len(given) - len(missing),
        skipped=skipped,
        skipped_total=len(missing),
    )


def with_skipped(parsed: Parsed, skipped: Mapping[str, str]) -> Parsed:
    """`parsed`, with things that were never given to the tool counted as given and skipped."""
    if not skipped:
        return parsed
    covered = parsed.coverage
    more = tuple(Skipped(what=name, reason=why[:500]) for name, why in skipped.items())
    update = {
        "given": (covered.given or covered.reached) + len(more),
        "skipped": (*covered.skipped, *more)[:_MAX_SKIPPED],
        "skipped_total": covered.skipped_total + len(more),
    }
    return replace(parsed, coverage=covered.model_copy(update=update))


def finding(
    tool: str,
    rule_id: str,
    message: str,
    location: Location,
    snippet: str,
    *,
    severity: Severity,
    confidence: Confidence = Confidence.MEDIUM,
    category: Category = Category.SECURITY,
    cwe: tuple[int, ...] = (),
    identity: tuple[str, str] | None = None,
) -> Finding:
    """A finding with its fingerprint and its texts cut to the contract's limits.

    `identity` replaces weakness and snippet as what tells it from others (an advisory and a
    package, the digest of a secret).
    """
    weakness = f"CWE-{cwe[0]}" if cwe else f"{tool}:{rule_id}"
    what, text = identity or (weakness, snippet)
    return Finding(
        tool=tool,
        rule_id=rule_id,
        message=message.strip()[:_MAX_MESSAGE],
        severity=severity,
        confidence=confidence,
        category=category,
        cwe=cwe,
        location=location,
        fingerprint=fingerprint(what, location.path or "", text),
        witnesses=(f"{tool}:{rule_id}",),
        evidence=snippet[:_MAX_EVIDENCE],
    )


def positive(value: Any) -> int | None:
    """A line or column as the contract wants it: from 1, or nothing."""
    return value if isinstance(value, int) and value >= 1 else None
