"""Vulture: unused Python code. Handlers that a framework calls by decorator count as used."""

import re
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Completed, Parsed, ToolFault
from analyzers.static.adapter import CommandTool, Lines, coverage, finding, relative
from contract.analysis import Category, Confidence, Finding, Location, Severity

_LINE = re.compile(r"^(?P<path>.+?):(?P<line>\d+): (?P<text>.+) \((?P<sure>\d+)% confidence\)$")
_FAULT = re.compile(r"^(?P<path>.+?):(?P<line>\d*):? ?(?P<text>.*)$")
_NOQA = re.compile(rb"(?i)(# )noqa")
_MARK = "--- stderr ---"
_SENTINEL = "assay_sentinel.py"
_DECORATORS = ",".join(
    f"@{name}"
    for name in (
        *("*.route", "*.get", "*.post", "*.put", "*.patch", "*.delete", "*.websocket"),
        *("*.errorhandler", "*.exception_handler", "*.middleware", "*.on_event", "*.before_*"),
        *("*.after_*", "*.teardown_*", "*.context_processor", "*.template_filter"),
        *("*validator", "*.command", "*.cli.*", "*.task"),
    )
)


class Vulture(CommandTool):
    """Adapter for `vulture`, which prints lines of text."""

    name = "vulture"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("confidence", {"at least 90": Severity.LOW, "below 90": Severity.INFO})
    file_kind = "Python"
    suffixes = (".py",)
    apart = True
    max_depth = 400  # it walks the syntax tree by recursion and crashes on a deeper one
    canary = Canary(
        files={"app.py": "def used():\n    return 1\n    print('never')\n\n\nused()\n"},
        expect=frozenset({"unreachable-code"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """No configuration file is near: the copy holds only Python files."""
        ignore = ("--ignore-decorators", _DECORATORS, "--ignore-names", "model_config,Config")
        return (*self.program(tools_dir), "--min-confidence", "60", *ignore, ".")

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 3: found dead code; 1: a file did not parse, the others were still read.

        A file of ours with dead code lies among the app's: a report without it is blind.
        """
        (workspace / "src" / _SENTINEL).write_text("def dead():\n    return 1\n    print(1)\n")
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            env={"PYTHONWARNINGS": "ignore"},  # of the app's own syntax, among the faults
            ok_exit_codes=frozenset({0, 1, 3}),
        )

    def cleaned(self, data: bytes) -> bytes:
        """`# noqa` becomes a plain comment."""
        return _NOQA.sub(rb"\1noq_", data)

    def raw(self, done: Completed) -> bytes:
        """Findings are on standard output, files that do not parse on standard error."""
        return done.stdout + f"\n{_MARK}\n".encode() + done.stderr

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """A line that is not understood is a fault."""
        found_text, mark, fault_text = raw.decode(errors="replace").partition(f"\n{_MARK}\n")
        if not mark or _SENTINEL not in found_text:
            last = " ".join(fault_text.strip().splitlines()[-1:])
            raise ToolFault(
                f"vulture: report does not name the file planted by Assay: {last}"[:500]
            )
        known = frozenset(given) | {_SENTINEL}
        reasons = dict(self._fault(line, known) for line in fault_text.splitlines() if line.strip())
        findings = [
            self._finding(line, known, lines) for line in found_text.splitlines() if line.strip()
        ]
        kept = tuple(found for found in findings if found.location.path != _SENTINEL)
        return Parsed(coverage(given, given, reasons), kept)

    def _fault(self, line: str, known: frozenset[str]) -> tuple[str, str]:
        match = _FAULT.match(line)
        if match is None:
            raise ToolFault(f"vulture: unknown message: {line[:200]!r}")
        return relative(match["path"], known), match["text"]

    def _finding(self, line: str, known: frozenset[str], lines: Lines) -> Finding:
        match = _LINE.match(line)
        if match is None:
            raise ToolFault(f"vulture: unknown line: {line[:200]!r}")
        path, number = relative(match["path"], known), int(match["line"])
        sure = int(match["sure"]) >= 90
        kind = "unreachable-code" if "unreachable" in match["text"] else match["text"].split("'")[0]
        return finding(
            self.name,
            kind.strip().replace(" ", "-"),
            match["text"],
            Location(path=path, line=number),
            lines(path, number),
            severity=self.grades.of("at least 90" if sure else "below 90"),
            confidence=Confidence.HIGH if sure else Confidence.LOW,
            category=Category.QUALITY,
        )
