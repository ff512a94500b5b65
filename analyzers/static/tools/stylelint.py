"""Stylelint: CSS by the recommended rules, under a configuration of ours."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import broken
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import (
    Gathered,
    Lines,
    NodeTool,
    coverage,
    finding,
    load_json,
    positive,
    relative,
)
from contract.analysis import Category, Confidence, Finding, Location, Severity

_CONFIG = {"extends": "stylelint-config-recommended"}
_SEVERITY = {"error": Severity.LOW, "warning": Severity.INFO}
_SYNTAX = "CssSyntaxError"


class Stylelint(NodeTool):
    """Adapter for `stylelint -f json --output-file`; on the terminal its JSON is on stderr."""

    name = "stylelint"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("severity", _SEVERITY)
    reads_selected = True
    file_kind = "CSS"
    suffixes = (".css",)
    apart = True
    canary = Canary(
        files={"a.css": "a { colr: red; }\n"}, expect=frozenset({"property-no-unknown"})
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Only our configuration; neither ignore files nor inline comments count."""
        config = str(workspace / "stylelint.json")
        return (
            *(*self.program(tools_dir), "--config", config, "--config-basedir", str(workspace)),
            *("--ignore-path", "/dev/null", "--ignore-disables", "-f", "json"),
            *("--output-file", str(workspace / "report.json"), "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 2 means: ran, and found issues; 1 is a crash, 78 a bad configuration."""
        source = workspace / "src"
        found = (path.relative_to(source) for path in source.rglob("*.css"))
        hidden = sorted(f"./{path}" for path in found if any(p[0] == "." for p in path.parts))
        return Command(
            (*self.argv(tools_dir, workspace), *hidden),  # it does not find them itself
            cwd=source,
            ok_exit_codes=frozenset({0, 2}),
            output=workspace / "report.json",
        )

    def rules_digest(self) -> str:
        """Digest of our configuration."""
        return hashlib.sha256(json.dumps(_CONFIG).encode()).hexdigest()

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Shared configurations are resolved from the folder that holds the link."""
        (run.workspace / "stylelint.json").write_text(json.dumps(_CONFIG))
        (run.workspace / "node_modules").symlink_to(run.tools_dir.absolute() / "node_modules")
        return await super().measure(run, given, execute)

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """One entry per file; a file with a syntax error was not looked at."""
        known = frozenset(given)
        reasons: dict[str, str] = {}
        reached: list[str] = []
        gathered = Gathered(reasons=reasons)
        for item in load_json(raw, self.name):
            path = relative(item["source"], known)
            reached.append(path)
            if item["invalidOptionWarnings"]:
                raise ToolFault(f"stylelint: {item['invalidOptionWarnings']}"[:500])
            for warning in item["warnings"]:
                if warning["rule"] == _SYNTAX:
                    reasons[path] = broken(f"line {warning['line']}: {warning['text']}")
                else:
                    gathered.add(path, partial(self._finding, warning, path, lines))
        return Parsed(coverage(given, reached, reasons), tuple(gathered.findings))

    def _finding(self, warning: dict, path: str, lines: Lines) -> Finding:
        line, column = lines.place(path, warning["line"], warning["column"], "lf", "utf-16")
        end = warning.get("endLine") or warning["line"], warning.get("endColumn") or 0
        last, _ = lines.place(path, *end, "lf", "utf-16")
        return finding(
            self.name,
            warning["rule"],
            warning["text"],
            Location(
                path=path,
                line=positive(line),
                end_line=positive(last),
                column=column,
            ),
            lines(path, line),
            severity=self.grades.of(warning["severity"]),
            confidence=Confidence.HIGH,
            category=Category.QUALITY,
        )
