"""Retire.js with its database from npm, offline: known holes of JavaScript libraries.

Looks at library files an app ships (minified ones too) and at the versions its manifests name.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    relative,
)
from analyzers.static.manifests import Dependency, npm_manifests, read_package
from contract.analysis import Confidence, Finding, Location, Severity

_SEVERITY = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "none": Severity.INFO,
}
_DATABASE = (
    "node_modules/@salesforce/code-analyzer-retirejs-engine/vulnerabilities/RetireJsVulns.json"
)
_SENTINEL = "assay-sentinel/jquery-1.8.1.js"


class Retire(NodeTool):
    """Adapter for `retire --outputformat json`."""

    name = "retire"
    what = "JavaScript or package.json"
    suffixes = (".js", ".mjs", "package.json")
    canary = Canary(
        files={"static/jquery-1.8.1.js": "/*! jQuery v1.8.1 jquery.com */\n"},
        expect=frozenset({"CVE-2012-6708"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """The database is a file: nothing is fetched."""
        return (
            *(*self.program(tools_dir), "--path", ".", "--jsrepo", str(tools_dir / _DATABASE)),
            *("--nocache", "--outputformat", "json"),
            *("--outputpath", str(workspace / "retire.json"), "--ext", "js,mjs"),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 13 means: found vulnerable libraries, and ours is always one."""
        sentinel = workspace / "src" / _SENTINEL
        sentinel.parent.mkdir(parents=True, exist_ok=True)
        sentinel.write_text("/*! jQuery v1.8.1 jquery.com */\n")
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            ok_exit_codes=frozenset({13}),
            output=workspace / "retire.json",
        )

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Minified libraries are no code of the app's, but they are what this tool looks for."""
        minified = tuple(name for name, why in run.source.left_out if why == "minified")
        given = self.select((*run.source.files, *minified))
        if not given:
            raise NotApplicable(f"no {self.what} files")
        scripts = [name for name in given if not name.endswith(".json")]
        copy_files(run.source.root, scripts, run.workspace / "src")
        done = await execute(self.command(run.tools_dir, run.workspace))
        lines = line_reader(run.source.root)
        parsed = self.parse(done.output, given, lines)
        database = json.loads((run.tools_dir / _DATABASE).read_bytes())
        direct: list[Finding] = []
        reasons: dict[str, str] = {}
        for path in npm_manifests(given):
            try:
                for item in read_package(run.source.root, path):
                    direct += self.advisories(item, database, lines)
            except ValueError as error:
                reasons[path] = f"no package.json: {error}"[:300]
        covered = coverage(given, given, reasons)
        return Parsed(covered, (*parsed.findings, *direct))

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Library files by component; the planted library must be among them."""
        known = frozenset(given) | {_SENTINEL}
        findings: list[Finding] = []
        planted = False
        for item in load_json(raw, self.name)["data"]:
            path = relative(item["file"], known)
            if path == _SENTINEL:
                planted = True
                continue
            for result in item["results"]:
                place = Dependency(path, 1, result["component"], result["version"])
                for entry in result.get("vulnerabilities", ()):
                    findings.append(self._finding(place, entry, lines))
        if not planted:
            raise ToolFault("retire did not see the library planted by Assay")
        return Parsed(coverage(given, given), tuple(findings))

    def advisories(self, item: Dependency, database: dict[str, Any], lines: Lines) -> list[Finding]:
        """What the database knows against one dependency of a manifest."""
        if not item.version:
            return []
        entries = [
            entry
            for name, library in database.items()
            if item.name in (library.get("npmname"), name)
            for entry in library.get("vulnerabilities", ())
        ]
        return [
            self._finding(item, entry, lines) for entry in entries if _affected(item.version, entry)
        ]

    def _finding(self, item: Dependency, entry: dict[str, Any], lines: Lines) -> Finding:
        known = entry["identifiers"]
        rule = (known.get("CVE") or [known.get("githubID") or f"{item.name}-{entry['below']}"])[0]
        numbers = tuple(int(text.removeprefix("CWE-")) for text in entry.get("cwe", ()))
        return finding(
            self.name,
            rule,
            f"{item.name} {item.version}: {known.get('summary', rule)}",
            Location(path=item.path, line=item.line),
            lines(item.path, item.line)[:200],
            severity=mapped(_SEVERITY, entry["severity"], "severity"),
            confidence=Confidence.HIGH if item.exact else Confidence.MEDIUM,
            cwe=(1395, *numbers),
            identity=(rule, item.name),
        )


def _affected(version: str, entry: dict[str, Any]) -> bool:
    mine = _ordered(version)
    below, above = entry.get("below"), entry.get("atOrAbove")
    return (below is None or mine < _ordered(below)) and (above is None or mine >= _ordered(above))


def _ordered(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Sort key of a version: numbers first; a pre-release comes before its release."""
    numbers, _, rest = re.sub(r"^(\d+(?:\.\d+)*)", r"\1|", version).partition("|")
    parts = [int(part) for part in numbers.split(".") if part][:4]
    return (*parts, *[0] * (4 - len(parts))), rest == "", rest
