"""html-validate: whole HTML pages. Server-side templates are no HTML yet and are left out."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from analyzers.static.adapter import (
    Lines,
    NodeTool,
    copy_files,
    coverage,
    finding,
    line_reader,
    load_json,
    mapped,
    positive,
    relative,
)
from contract.analysis import Category, Confidence, Finding, Location, Severity

_CONFIG = {
    "root": True,
    "extends": ["html-validate:recommended"],
    "rules": {"no-trailing-whitespace": "off", "no-inline-style": "off", "void-style": "off"},
}
_SEVERITY = {2: Severity.LOW, 1: Severity.INFO}
_ACCESSIBILITY = ("wcag/", "aria-", "text-content", "input-missing-label", "multiple-labeled")
_SENTINEL = "assay-sentinel.html"
_PLANTED = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head><body><b></i></body></html>'
)


class HtmlValidate(NodeTool):
    """Adapter for `html-validate -f json`."""

    name = "html-validate"
    reads_selected = True
    what = "plain HTML"
    suffixes = (".html", ".htm")
    canary = Canary(
        files={"index.html": "<!DOCTYPE html>\n<html><head></head><body><b></i></body></html>\n"},
        expect=frozenset({"close-order"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Our configuration alone (`root`)."""
        config = str(workspace / "html.json")
        return (*self.program(tools_dir), "--config", config, "-f", "json", ".")

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Clean files are not in the report, so a broken page of ours proves that it was made."""
        (workspace / "src" / _SENTINEL).write_text(_PLANTED)
        return Command(
            self.argv(tools_dir, workspace), cwd=workspace / "src", ok_exit_codes=frozenset({0, 1})
        )

    def rules_digest(self) -> str:
        """Digest of our configuration."""
        return hashlib.sha256(json.dumps(_CONFIG).encode()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Read each page once to tell templates from pages."""
        given = self.select(run.source.files)
        if not given:
            raise NotApplicable(f"no {self.what} files")
        reasons = {
            name: "server-side template" for name in given if _is_template(run.source.root / name)
        }
        pages = [name for name in given if name not in reasons]
        if not pages:
            raise NotApplicable("only server-side templates")
        (run.workspace / "html.json").write_text(json.dumps(_CONFIG))
        copy_files(run.source.root, pages, run.workspace / "src")
        done = await execute(self.command(run.tools_dir, run.workspace))
        return self.parse(done.stdout, given, line_reader(run.source.root), reasons)

    def parse(
        self,
        raw: bytes,
        given: Sequence[str],
        lines: Lines,
        reasons: dict[str, str] | None = None,
    ) -> Parsed:
        """One entry per file with messages; a parser error means the file was not looked at."""
        known = frozenset(given) | {_SENTINEL}
        why = dict(reasons or {})
        findings: list[Finding] = []
        planted = False
        for item in load_json(raw, self.name):
            path = relative(item["filePath"], known)
            planted = planted or path == _SENTINEL
            for message in item["messages"] if path != _SENTINEL else ():
                if message["ruleId"] == "parser-error":
                    why[path] = message["message"]
                else:
                    findings.append(self._finding(message, path, lines))
        if not planted:
            raise ToolFault("html-validate did not see the page planted by Assay")
        return Parsed(coverage(given, given, why), tuple(findings))

    def _finding(self, message: dict, path: str, lines: Lines) -> Finding:
        rule = message["ruleId"]
        about_access = rule.startswith(_ACCESSIBILITY)
        return finding(
            self.name,
            rule,
            message["message"],
            Location(path=path, line=positive(message["line"]), column=positive(message["column"])),
            lines(path, message["line"]),
            severity=mapped(_SEVERITY, message["severity"], "severity"),
            confidence=Confidence.HIGH,
            category=Category.ACCESSIBILITY if about_access else Category.QUALITY,
        )


def _is_template(path: Path) -> bool:
    text = path.read_bytes()
    return any(mark in text for mark in (b"{%", b"{{", b"<%", b"<?php"))
