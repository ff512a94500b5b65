"""Mypy: type errors in Python. A file that does not parse would stop it, so it is left out."""

import json
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    Parsed,
    ToolFault,
    ToolRun,
)
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    line_reader,
    positive,
    relative,
)
from analyzers.static.python_files import python_flaws
from contract.analysis import Category, Confidence, Finding, Location, Severity

CONFIG = Path(__file__).parent.parent / "mypy.ini"
_CACHE = "mypy-cache"  # see `after-install.sh`
_SEVERITY = {"error": Severity.LOW, "note": Severity.INFO}
_SENTINEL = "assay_sentinel.py"
_SUPPRESSION = re.compile(rb"(#\s*(?:mypy(?=:)|type(?=:\s*ignore))):")
# Modules that mypy itself uses: a file of the app with such a name would stop it.
_CORE = frozenset(
    {"_collections_abc", "_typeshed", "abc", "builtins", "collections", "mypy_extensions", "sys"}
    | {"types", "typing", "typing_extensions"}
)


class Mypy(CommandTool):
    """Adapter for `mypy --output json`."""

    name = "mypy"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("severity", _SEVERITY)
    reads_selected = True
    file_kind = "Python"
    suffixes = (".py",)
    apart = True
    canary = Canary(
        files={"app.py": "def add(a: int, b: int) -> int:\n    return a + b\n\n\nadd('1', 2)\n"},
        expect=frozenset({"arg-type"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Only our configuration; its cache belongs to this run."""
        return (
            *(*self.program(tools_dir), "--output", "json", f"--config-file={CONFIG}"),
            f"--cache-dir={workspace / _CACHE}",
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 1 means: ran, and found errors; 2 is a stop.

        Clean code gives an empty report, so a type error of ours proves that it was made.
        """
        source, listed = workspace / "src", workspace / "files.txt"
        (source / _SENTINEL).write_text('planted: int = ""\n')
        names = sorted(str(path.relative_to(source)) for path in source.rglob("*.py"))
        listed.write_text(
            "\n".join(names)
        )  # in a folder it would not find names that begin with a dot
        argv = (*self.argv(tools_dir, workspace), f"@{listed}")
        return Command(argv, cwd=source, ok_exit_codes=frozenset({1}))

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Ask the same interpreter first which files parse, then check those."""
        flaws = await python_flaws(run, given, execute)
        reasons: dict[str, str] = {name: flaw.reason for name, flaw in flaws.items()}
        for name in given:
            if why := _no_module(name):
                reasons.setdefault(name, why)
        usable = [name for name in given if name not in reasons]
        if not usable:
            return Parsed(coverage(given, (), reasons))
        self.copy(run, usable)
        _copy_cache(run)
        done = await execute(self.command(run.tools_dir, run.workspace))
        return self.parse(self.report(run, done), given, line_reader(run.source.root), reasons)

    def cleaned(self, data: bytes) -> bytes:
        """Comments that switch checks off become plain comments."""
        return _SUPPRESSION.sub(rb"\1;", data)

    def parse(
        self,
        raw: bytes,
        given: Sequence[str],
        lines: Lines,
        reasons: dict[str, str] | None = None,
    ) -> Parsed:
        """One JSON object per line, the planted error among them."""
        known = frozenset(given)
        items = _objects(raw)
        own = [item for item in items if item["file"] != _SENTINEL]
        if len(own) == len(items):
            raise ToolFault("mypy did not see the error planted by Assay")
        gathered = Gathered(reasons=dict(reasons or {}))
        for item in own:
            path = relative(item["file"], known)
            gathered.add(path, partial(self._finding, item, path, lines))
        return Parsed(coverage(given, given, gathered.reasons), tuple(gathered.findings))

    def _finding(self, item: dict[str, Any], path: str, lines: Lines) -> Finding:
        line = positive(item["line"])
        return finding(
            self.name,
            item["code"] or "note",
            item["message"],
            Location(path=path, line=line, end_line=positive(item.get("end_line"))),
            lines(path, line or 0),
            severity=self.grades.of(item["severity"]),
            confidence=Confidence.MEDIUM,
            category=Category.QUALITY,
        )


def _copy_cache(run: ToolRun) -> None:
    """The standard library's types, read when the tools were installed; otherwise read now.

    Each command gets a copy: nothing of one app, or of a failed run, is there for the next.
    """
    shutil.rmtree(run.workspace / _CACHE, ignore_errors=True)
    if (kept := run.tools_dir / _CACHE).is_dir():
        shutil.copytree(kept, run.workspace / _CACHE)


def _no_module(name: str) -> str:
    """Why mypy cannot take the file as a module; empty where it can."""
    parts = name.removesuffix(".py").split("/")
    if not all(part.isidentifier() for part in parts):
        return "its path makes no Python module name"
    return f"its name is that of Python's own module {parts[0]}" if parts[0] in _CORE else ""


def _objects(raw: bytes) -> list[dict[str, Any]]:
    texts = [line for line in raw.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in texts]
    except ValueError as exc:
        raise ToolFault(f"mypy: report is no JSON ({exc}): {texts[0][:200]!r}") from None
