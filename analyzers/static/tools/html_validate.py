"""html-validate: whole HTML pages. Server-side templates are not HTML yet and are left out."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import Reason, broken
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    Parsed,
    ToolFault,
    ToolRun,
)
from analyzers.static.adapter import (
    Gathered,
    Lines,
    NodeTool,
    coverage,
    finding,
    line_reader,
    load_json,
    positive,
    relative,
)
from contract.analysis import Category, Confidence, Finding, Location, Severity, SkipCause

_CONFIG = {
    "root": True,
    "extends": ["html-validate:recommended"],
    "rules": {"no-trailing-whitespace": "off", "no-inline-style": "off", "void-style": "off"},
}
_SEVERITY = {"2": Severity.LOW, "1": Severity.INFO}
_ACCESSIBILITY = ("wcag/", "aria-", "text-content", "input-missing-label", "multiple-labeled")
_SENTINELS = frozenset({"assay-sentinel.html", "assay-sentinel.htm"})
_PLANTED = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head><body><b></i></body></html>'
)
_TEMPLATE = Reason("server-side template", SkipCause.BROKEN)


class HtmlValidate(NodeTool):
    """Adapter for `html-validate -f json`."""

    name = "html-validate"
    looks_for = frozenset({Category.QUALITY, Category.ACCESSIBILITY})
    grades = Grades("severity", _SEVERITY)
    reads_selected = True
    file_kind = "plain HTML"
    suffixes = (".html", ".htm")
    apart = True
    canary = Canary(
        files={"index.html": "<!DOCTYPE html>\n<html><head></head><body><b></i></body></html>\n"},
        expect=frozenset({"close-order"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Only our configuration (`root`)."""
        config = str(workspace / "html.json")
        return (
            *self.program(tools_dir),
            *("--config", config, "--ext", "html,htm", "-f", f"json={workspace / 'report.json'}"),
            ".",
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Clean files are not in the report, so broken pages of ours prove that it was made."""
        source = workspace / "src"
        for name in _SENTINELS:
            (source / name).write_text(_PLANTED)
        found = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
        hidden = sorted(f"./{path}" for path in found if any(p[0] == "." for p in path.parts))
        # In a folder it does not find names that begin with a dot; by name it fails on brackets.
        # It exits before a slow reader has read its output from a pipe: the report is a file.
        return Command(
            (*self.argv(tools_dir, workspace), *hidden),
            cwd=source,
            ok_exit_codes=frozenset({0, 1}),
            output=workspace / "report.json",
        )

    def rules_digest(self) -> str:
        """Digest of our configuration."""
        return hashlib.sha256(json.dumps(_CONFIG).encode()).hexdigest()

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Read each page once to tell templates from pages."""
        reasons: dict[str, str] = {
            name: _TEMPLATE for name in given if _is_template(run.source.root / name)
        }
        pages = [name for name in given if name not in reasons]
        if not pages:
            return Parsed(coverage(given, (), reasons))
        (run.workspace / "html.json").write_text(json.dumps(_CONFIG))
        (run.workspace / "report.json").unlink(missing_ok=True)
        self.copy(run, pages)
        done = await execute(self.command(run.tools_dir, run.workspace))
        return self.parse(self.report(run, done), given, line_reader(run.source.root), reasons)

    def cleaned(self, data: bytes) -> bytes:
        """Comments that switch rules off become plain comments for the tool."""
        return data.replace(b"html-validate-", b"html_validate-")

    def parse(
        self,
        raw: bytes,
        given: Sequence[str],
        lines: Lines,
        reasons: dict[str, str] | None = None,
    ) -> Parsed:
        """One entry per file with messages; a parser error means the file was not looked at."""
        known = frozenset(given) | _SENTINELS
        why = dict(reasons or {})
        gathered = Gathered(reasons=why)
        planted: set[str] = set()
        for item in load_json(raw, self.name):
            path = relative(item["filePath"], known)
            if path in _SENTINELS:
                planted.add(path)
                continue
            for message in item["messages"]:
                if message["ruleId"] == "parser-error":
                    why[path] = broken(f"line {message['line']}: {message['message']}")
                else:
                    gathered.add(path, partial(self._finding, message, path, lines))
        if _SENTINELS - planted:
            raise ToolFault("html-validate did not see the pages planted by Assay")
        return Parsed(coverage(given, given, why), tuple(gathered.findings))

    def _finding(self, message: dict, path: str, lines: Lines) -> Finding:
        rule = message["ruleId"]
        about_access = rule.startswith(_ACCESSIBILITY)
        line, column = lines.place(path, message["line"], message["column"], "lf", "utf-16")
        return finding(
            self.name,
            rule,
            message["message"],
            Location(path=path, line=positive(line), column=column),
            lines(path, line),
            severity=self.grades.of(message["severity"]),
            confidence=Confidence.HIGH,
            category=Category.ACCESSIBILITY if about_access else Category.QUALITY,
        )


def _is_template(path: Path) -> bool:
    text = path.read_bytes()
    return any(mark in text for mark in (b"{%", b"{{", b"<%", b"<?php"))
