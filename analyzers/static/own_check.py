"""Base of our own checks in a separate process: a file that crashes a parser harms only that one.

The script reads names of files below the working folder on standard input, one per line. It writes
JSON: `{"files": [...], "errors": {name: reason}, "findings": [{rule, path, line, message}]}`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Command, Execute, Parsed, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Lines,
    coverage,
    finding,
    load_json,
    mapped,
    own_python,
    relative,
)
from contract.analysis import Category, Confidence, Finding, Location, Severity

_YAML = (".yml", ".yaml")


class Rule(NamedTuple):
    """Severity and texts of a rule's findings."""

    cwe: tuple[int, ...]
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    category: Category = Category.SECURITY


class OwnCheck(CommandTool):
    """Runs `script` with our own interpreter.

    Attributes:
        rules: every rule the script may name.
    """

    script: Path
    rules: Mapping[str, Rule]
    apart = True

    @property
    def grades(self) -> Grades:
        """Its rules, with their severities."""
        return Grades("rule", {name: rule.severity for name, rule in self.rules.items()})

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """Our own interpreter and file."""
        return (*own_python(), str(self.script))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """No arguments: the files come on standard input."""
        return self.program(tools_dir)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The command, with the names of the copy on standard input, one per line."""
        source = workspace / "src"
        names = sorted(
            str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
        )
        stdin = "\n".join(names).encode()
        return Command(self.argv(tools_dir, workspace), cwd=source, stdin=stdin)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Its own code has one version: the digest."""
        return f"1.0+{self.rules_digest()[:8]}"

    def rules_digest(self) -> str:
        """Digest of the check and its severities."""
        table = repr(sorted(self.rules.items())).encode()
        return hashlib.sha256(self.script.read_bytes() + table).hexdigest()

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """`errors` holds the files that it could not read as their kind."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        findings = tuple(self._finding(item, known, lines) for item in report["findings"])
        return Parsed(coverage(given, report["files"], report["errors"]), findings)

    def _finding(self, item: dict[str, Any], known: frozenset[str], lines: Lines) -> Finding:
        rule = mapped(self.rules, item["rule"], "rule")
        path = relative(item["path"], known)
        line = lines.number(path, item["line"], "yaml" if path.endswith(_YAML) else "editor")
        return finding(
            self.name,
            item["rule"],
            item["message"],
            Location(path=path, line=line),
            lines(path, line),
            severity=self.grades.of(item["rule"]),
            confidence=rule.confidence,
            category=rule.category,
            cwe=rule.cwe,
        )
