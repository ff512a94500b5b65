"""Base of checks of our own that run as a process: a file that blows a parser harms it alone.

Their script reads names on standard input, one a line, below the working folder; it writes JSON:
`{"files": [...], "errors": {name: reason}, "findings": [{rule, path, line, message}]}`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
    """What a rule's findings are."""

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

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """Our own interpreter and file."""
        return (*own_python(), str(self.script))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """The files come on standard input."""
        return self.program(tools_dir)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Names of the copy, one a line."""
        source = workspace / "src"
        names = sorted(
            str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
        )
        stdin = "\n".join(names).encode()
        return Command(self.argv(tools_dir, workspace), cwd=source, stdin=stdin)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Of its own code there is one version: the digest."""
        return f"1.0+{self.rules_digest()[:8]}"

    def rules_digest(self) -> str:
        """Digest of the check and its severities."""
        table = repr(sorted(self.rules.items())).encode()
        return hashlib.sha256(self.script.read_bytes() + table).hexdigest()

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Files it could not read as what they should be are in `errors`."""
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
            severity=rule.severity,
            confidence=rule.confidence,
            category=rule.category,
            cwe=rule.cwe,
        )
