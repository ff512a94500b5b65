"""Our own check that sources parse: the only tool that makes a broken file a finding.

Every other tool only names such a file as not read, so one broken file is one finding.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import cause_of
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, SourceTree, ToolRun
from analyzers.static.adapter import CommandTool, coverage, finding, line_reader
from analyzers.static.python_files import Flaw
from analyzers.static.syntax import CODE_SUFFIXES, NODE_CHECK, NUL, flaws_of, refusal
from contract.analysis import Category, Confidence, Finding, Location, Severity, SkipCause

_DIGEST_FILES = (NODE_CHECK, NODE_CHECK.with_name("python_files.py"))
_DETAILS = 300


_LANGUAGES = {
    ".py": "Python",
    ".css": "CSS",
    ".json": "JSON",
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), "TypeScript"),
}
_SCRIPT, _PYTHON_2 = "JavaScript", "Python 2"
_SEVERITY = {
    **dict.fromkeys(("Python", "JavaScript", "TypeScript"), Severity.HIGH),
    **dict.fromkeys((_PYTHON_2, "CSS", "JSON"), Severity.MEDIUM),
}


class Syntax(CommandTool):
    """Parses every source with the parsers that the other tools use."""

    name = "syntax"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("language", _SEVERITY)
    file_kind = "Python, JavaScript, TypeScript, CSS or JSON"
    suffixes = (*CODE_SUFFIXES, ".json")
    reads_selected = True
    canary = Canary(
        files={"app.py": "def f(:\n", "app.js": "function f( {\n"},
        expect=frozenset({"syntax-error"}),
    )

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Its own code has one version, the digest, and it needs the tools' Python."""
        python = str(run.tools_dir / "venv/bin/python")
        await execute(Command((python, "--version"), cwd=run.workspace, limit_s=60))
        return f"1.0+{self.rules_digest()[:8]}"

    def rules_digest(self) -> str:
        """Digest of the checks and their severities."""
        table = repr(sorted((*_LANGUAGES.items(), *_SEVERITY.items()))).encode()
        return hashlib.sha256(
            b"".join(file.read_bytes() for file in _DIGEST_FILES) + table
        ).hexdigest()

    def reads(self, source: SourceTree) -> tuple[str, ...] | None:
        """Sources, and files that hold NUL bytes."""
        return self.select((*source.files, *_with_nul(source)))

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """A file that a parser rejects was looked at; a file too new or too deep is skipped."""
        with_nul = self.select(_with_nul(run.source))
        given = (*self.select(run.source.files), *with_nul)
        withheld = self._withheld(run.source, given)
        if not given:
            raise refusal(self.file_kind, withheld)
        flaws = await flaws_of(run, self.select(run.source.files), execute)
        flaws |= dict.fromkeys(with_nul, NUL)
        unread = {name: flaw.reason for name, flaw in flaws.items() if not flaw.is_the_apps}
        lines = line_reader(run.source.root)
        findings = tuple(
            self._flaw(name, flaw, lines(name, flaw.line))
            for name, flaw in sorted(flaws.items())
            if flaw.kind in ("broken", "python2")
        )
        everything = (*given, *withheld)
        return Parsed(coverage(everything, given, unread | withheld), findings)

    def _flaw(self, name: str, flaw: Flaw, text: str) -> Finding:
        language = _LANGUAGES.get(Path(name).suffix, _SCRIPT)
        old = flaw.kind == "python2"
        title = (
            "Python 2 source, which Python 3 does not run" if old else f"{language} syntax error"
        )
        return finding(
            self.name,
            "syntax-error",
            f"{title}: {flaw.message[:_DETAILS]}",
            Location(path=name, line=flaw.line or 1),
            text[:200],
            severity=self.grades.of(_PYTHON_2 if old else language),
            confidence=Confidence.HIGH,
            category=Category.QUALITY,
            identity=(f"syntax:{language}", ""),
        )


def _with_nul(source: SourceTree) -> Sequence[str]:
    return tuple(name for name, why in source.left_out if cause_of(why) is SkipCause.BROKEN)
