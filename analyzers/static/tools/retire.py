"""Retire.js with its database from npm, offline: known flaws of JavaScript libraries.

It looks at library files that an app ships (also minified ones) and at versions in manifests.
"""

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from analyzers.appsource.dependencies import manifest_files, read_manifests
from analyzers.appsource.manifests import Dependency, npm_manifests
from analyzers.appsource.npm_locks import NPM_LOCKS
from analyzers.runtime.advisories import Advisories
from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import cause_of
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    Parsed,
    SourceTree,
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
    relative,
)
from analyzers.static.reputation import Reputation
from contract.analysis import Category, Confidence, Finding, Location, Severity, SkipCause
from contract.source_digest import is_covered

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
_SCRIPTS = (".js", ".mjs", ".cjs")
_COPIED = "bower_components/"
_SENTINEL = "assay-sentinel/jquery-1.8.1.js"


class Retire(NodeTool):
    """Adapter for `retire --outputformat json`."""

    name = "retire"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("severity", _SEVERITY)
    reputation = Reputation(school="retire")
    file_kind = "JavaScript or package.json"
    suffixes = (*_SCRIPTS, "package.json", *NPM_LOCKS)
    apart = True
    parses = False
    advisory_source = Advisories("retire", Path(_DATABASE))
    canary = Canary(
        files={"static/jquery-1.8.1.js": "/*! jQuery v1.8.1 jquery.com */\n"},
        expect=frozenset({"CVE-2012-6708"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """The database is a file: nothing is fetched."""
        return (
            *(*self.program(tools_dir), "--path", ".", "--jsrepo", str(tools_dir / _DATABASE)),
            *("--nocache", "--outputformat", "json"),
            *("--outputpath", str(workspace / "retire.json"), "--ext", "js,mjs,cjs"),
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

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Scripts, manifests and their lock files."""
        scripts = tuple(name for name in files if name.endswith(_SCRIPTS))
        locks = (name for lock in NPM_LOCKS for name in npm_manifests(files, lock))
        return (*scripts, *npm_manifests(files), *locks)

    def candidates(self, source: SourceTree) -> tuple[str, ...]:
        """Libraries copied into the app are not its own code, but are what this tool looks for."""
        minified = (name for name, why in source.left_out if cause_of(why) is SkipCause.MINIFIED)
        vendored = [
            name
            for name, why in source.left_out
            if cause_of(why) is SkipCause.VENDORED
            and (is_covered(f"{name}x") or name.endswith(_COPIED))
        ]
        copied = [name for name in vendored if name.endswith(_SCRIPTS)]
        for folder in (name for name in vendored if name.endswith("/")):
            copied += (folder + name for name in _scripts_of(list_source(source.root / folder)))
        named = (name for name in manifest_files(source) if name not in source.files)
        return (*source.files, *minified, *copied, *named)

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Scripts are checked by the tool, manifests and locks by its database."""
        manifests = await read_manifests(run, execute)
        self.copy(run, [name for name in given if name.endswith(_SCRIPTS)])
        done = await execute(self.command(run.tools_dir, run.workspace))
        lines = line_reader(run.source.root)
        parsed = self.parse(self.report(run, done), given, lines)
        database = json.loads((run.tools_dir / _DATABASE).read_bytes())
        direct: list[Finding] = []
        reasons = {skipped.what: skipped.reason for skipped in parsed.coverage.skipped}
        notes: list[str] = []
        reasons |= {path: why for path, why in manifests.npm_faults.items() if path in given}
        for project in manifests.npm:
            found = project.dependencies
            unknown = [item.name for item in found if not item.version]
            if unknown and len(unknown) == len(found):
                why = "none of its dependencies has a version to look up"
                reasons |= dict.fromkeys(project.manifests or [project.lock], why)
            elif unknown:
                names = ", ".join(unknown[:10])
                path = project.lock or project.label
                notes.append(f"{path}: {len(unknown)} without a version to look up: {names}")
            for item in found:
                direct += self.advisories(item, database, lines)
        covered = coverage(given, given, reasons)
        return Parsed(covered, (*parsed.findings, *direct), notes=tuple(notes))

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Library files by component; the planted library must be among them."""
        known = frozenset(given) | {_SENTINEL}
        gathered = Gathered()
        planted = False
        for item in load_json(raw, self.name)["data"]:
            path = relative(item["file"], known)
            if path == _SENTINEL:
                planted = True
                continue
            for result in item["results"]:
                place = Dependency(path, 1, result["component"], result["version"])
                for entry in result.get("vulnerabilities", ()):
                    gathered.add(path, partial(self._finding, place, entry, lines))
        if not planted:
            raise ToolFault("retire did not see the library planted by Assay")
        covered = coverage(given, given, gathered.reasons)
        return Parsed(covered, tuple(gathered.findings))

    def advisories(self, item: Dependency, database: dict[str, Any], lines: Lines) -> list[Finding]:
        """The database's entries against one dependency of a manifest."""
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
            severity=self.grades.of(entry["severity"]),
            confidence=Confidence.HIGH if item.exact else Confidence.MEDIUM,
            cwe=(1395, *numbers),
            identity=(known.get("githubID") or rule, item.name),  # npm's own audit says GHSA
        )


def _scripts_of(source: SourceTree) -> tuple[str, ...]:
    """Scripts of a folder, including minified ones and those with their own licence."""
    causes = (SkipCause.MINIFIED, SkipCause.VENDORED)
    minified = tuple(name for name, why in source.left_out if cause_of(why) in causes)
    return tuple(name for name in (*source.files, *minified) if name.endswith(_SCRIPTS))


def _affected(version: str, entry: dict[str, Any]) -> bool:
    found_version = _ordered(version)
    below, above = entry.get("below"), entry.get("atOrAbove")
    return (below is None or found_version < _ordered(below)) and (
        above is None or found_version >= _ordered(above)
    )


def _ordered(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Sort key of a version: numbers first; a pre-release comes before its release."""
    numbers, _, rest = re.sub(r"^(\d+(?:\.\d+)*)", r"\1|", version).partition("|")
    parts = [int(part) for part in numbers.split(".") if part][:4]
    return (*parts, *[0] * (4 - len(parts))), rest == "", rest
