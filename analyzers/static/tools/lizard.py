"""Lizard: cyclomatic complexity and length of functions, in Python and JavaScript alike."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Completed, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import CommandTool, Lines, coverage, finding, relative
from analyzers.static.syntax import SCRIPT_SUFFIXES
from contract.analysis import Category, Confidence, Finding, Location, Metric, Severity

_COMPLEX = 15
_VERY_COMPLEX = 30
_COLUMNS = 11
_MODULES = (".mts", ".cts")
_FORGIVEN = re.compile(rb"(?i)lizard forgives?|GENERATED CODE")
_SENTINEL = "assay_sentinel.py"


class Lizard(CommandTool):
    """Adapter for `lizard --csv`: nloc, ccn, token, param, length, location, file, function, ..."""

    name = "lizard"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades(
        "complexity",
        {f"above {_VERY_COMPLEX}": Severity.MEDIUM, f"above {_COMPLEX}": Severity.LOW},
    )
    file_kind = "Python or JavaScript"
    suffixes = (".py", *SCRIPT_SUFFIXES)
    apart = True
    canary = Canary(
        files={
            "app.py": "def many(x):\n"
            + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))
            + "    return 0\n"
        },
        expect=frozenset({"cyclomatic-complexity"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Every function as a line of CSV."""
        return (*self.program(tools_dir), "--csv", "--no-gitignore", ".")

    def copy(self, run: ToolRun, names: Sequence[str]) -> None:
        """TypeScript modules get a name whose language it knows."""
        super().copy(run, names)
        for name in names:
            if name.endswith(_MODULES):
                copied = run.workspace / "src" / name
                copied.rename(copied.with_name(copied.name + ".ts"))

    def cleaned(self, data: bytes) -> bytes:
        """Comments that exempt a function, or end the file, become plain comments."""
        return _FORGIVEN.sub(lambda match: b"x" * len(match[0]), data)

    def report(self, run: ToolRun, done: Completed) -> bytes:
        """The report with the real names of the files."""
        return re.sub(rb"(\.[mc]ts)\.ts\b", rb"\1", super().report(run, done))

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """A function of ours lies among the app's: a report without it is blind."""
        (workspace / "src" / _SENTINEL).write_text("def planted(x):\n    return x\n")
        return Command(self.argv(tools_dir, workspace), cwd=workspace / "src")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Metrics over all functions; one finding for each that is too complex."""
        known = frozenset(given) | {_SENTINEL}
        rows = list(csv.reader(io.StringIO(raw.decode(errors="replace"))))
        if any(len(row) != _COLUMNS for row in rows) or not any(
            _SENTINEL in row[6] for row in rows
        ):
            raise ToolFault(f"lizard: unknown report: {raw[:200]!r}")
        own = [row for row in rows if _SENTINEL not in row[6]]
        findings = tuple(self._finding(row, known, lines) for row in own if int(row[1]) > _COMPLEX)
        return Parsed(coverage(given, given), findings, _metrics(own))

    def _finding(self, row: list[str], known: frozenset[str], lines: Lines) -> Finding:
        path, complexity, line = relative(row[6], known), int(row[1]), int(row[9])
        limit = _VERY_COMPLEX if complexity > _VERY_COMPLEX else _COMPLEX
        return finding(
            self.name,
            "cyclomatic-complexity",
            f"{row[7]} has a cyclomatic complexity of {complexity}; {_COMPLEX} is the limit.",
            Location(path=path, line=line, end_line=int(row[10])),
            lines(path, line),
            severity=self.grades.of(f"above {limit}"),
            confidence=Confidence.HIGH,
            category=Category.QUALITY,
            cwe=(1121,),
        )


def _metrics(rows: Sequence[Sequence[str]]) -> tuple[Metric, ...]:
    if not rows:
        return (Metric(name="functions", value=0, unit="count"),)
    complexity = [int(row[1]) for row in rows]
    length = [int(row[0]) for row in rows]
    return (
        Metric(name="functions", value=len(rows), unit="count"),
        Metric(name="complexity_mean", value=sum(complexity) / len(rows), unit="score"),
        Metric(name="complexity_max", value=max(complexity), unit="score"),
        Metric(name="function_length_mean", value=sum(length) / len(rows), unit="count"),
        Metric(name="function_length_max", value=max(length), unit="count"),
    )
