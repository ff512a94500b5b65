"""ESLint with security and React plugins, under a flat configuration of ours."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolRun
from analyzers.static.adapter import (
    Lines,
    NodeTool,
    coverage,
    finding,
    load_json,
    mapped,
    positive,
    relative,
)
from analyzers.static.weaknesses import ESLINT_SECURITY
from contract.analysis import Category, Confidence, Finding, Location, Severity

CONFIG = Path(__file__).parent.parent / "eslint.config.mjs"
SCRIPT_SUFFIXES = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_SECURITY_PLUGINS = ("security/", "no-unsanitized/")
_QUALITY_SEVERITY = {2: Severity.MEDIUM, 1: Severity.LOW}


class Eslint(NodeTool):
    """Adapter for `eslint -f json`."""

    name = "eslint"
    reads_selected = True
    what = "JavaScript or TypeScript"
    suffixes = SCRIPT_SUFFIXES
    cost = 1.5
    canary = Canary(
        files={"app.js": "export function show(node, text) {\n  node.innerHTML = text;\n}\n"},
        expect=frozenset({"no-unsanitized/property"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Our configuration alone: no look-up, no ignore files, no inline comments."""
        config = str(workspace / CONFIG.name)
        return (
            *(*self.program(tools_dir), "--no-config-lookup", "-c", config, "--no-ignore"),
            *("--no-inline-config", "-f", "json", "-o", str(workspace / "eslint.json"), "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 1 means: ran, and found issues; 2 is a crash."""
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            ok_exit_codes=frozenset({0, 1}),
            output=workspace / "eslint.json",
        )

    def rules_digest(self) -> str:
        """Digest of our configuration and severities."""
        table = repr(sorted(ESLINT_SECURITY.items())).encode()
        return hashlib.sha256(CONFIG.read_bytes() + table).hexdigest()

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Plugins are resolved from the configuration's own folder, so it lies beside a link."""
        (run.workspace / CONFIG.name).write_bytes(CONFIG.read_bytes())
        (run.workspace / "node_modules").symlink_to(run.tools_dir.absolute() / "node_modules")
        return await super().measure(run, given, execute)

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """A file with a fatal error was not parsed; messages without a rule are such errors."""
        known = frozenset(given)
        reasons: dict[str, str] = {}
        reached: list[str] = []
        findings: list[Finding] = []
        for item in load_json(raw, self.name):
            path = relative(item["filePath"], known)
            reached.append(path)
            for message in item["messages"]:
                if message.get("fatal") or message["ruleId"] is None:
                    reasons[path] = message["message"]
                else:
                    findings.append(self._finding(message, path, lines))
        return Parsed(coverage(given, reached, reasons), tuple(findings))

    def _finding(self, message: dict, path: str, lines: Lines) -> Finding:
        rule = message["ruleId"]
        cwe, severity, category = classify(rule, message["severity"])
        return finding(
            self.name,
            rule,
            message["message"],
            Location(
                path=path,
                line=positive(message.get("line")),
                end_line=positive(message.get("endLine")),
                column=positive(message.get("column")),
            ),
            lines(path, message.get("line") or 0),
            severity=severity,
            confidence=Confidence.MEDIUM if category is Category.SECURITY else Confidence.HIGH,
            category=category,
            cwe=cwe,
        )


def classify(rule: str, level: int) -> tuple[tuple[int, ...], Severity, Category]:
    """CWE, severity and category. Raises: ToolFault for a security rule without an entry."""
    if rule in ESLINT_SECURITY or rule.startswith(_SECURITY_PLUGINS):
        cwe, severity = mapped(ESLINT_SECURITY, rule, "security rule")
        return (cwe,), severity, Category.SECURITY
    return (), mapped(_QUALITY_SEVERITY, level, "severity"), Category.QUALITY
