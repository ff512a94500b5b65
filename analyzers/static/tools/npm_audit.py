"""npm audit: known advisories on the packages that an app's JavaScript parts would install.

Versions pinned by a lock file (npm's, yarn's, pnpm's, bun's) are asked about unchanged, in a lock
file of our own making. Where there is none, we make one from the registry, only for plain version
ranges: an address, a folder or a git repository in a stranger's manifest is never followed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.dependencies import Manifests, dependency_coverage, nothing_named
from analyzers.appsource.manifests import Dependency, npm_manifests
from analyzers.appsource.npm_pins import write_pins
from analyzers.appsource.npm_projects import NpmProject
from analyzers.runtime.advisories import Advisories
from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NoSource,
    NotApplicable,
    Parsed,
    ToolRun,
)
from analyzers.static.adapter import Lines, finding, line_reader, load_json, with_skipped
from analyzers.static.manifest_tool import ManifestTool
from analyzers.static.reputation import Reputation
from analyzers.static.tools.pip_audit import ADVISORIES_FRESH
from contract.analysis import Category, Confidence, Coverage, Finding, Location, Severity

_SEVERITY = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
_EMPTY = "no dependencies"
_RANGE = re.compile(r"^[\^~<>=* |.\dvxX-]+[\w.+-]*$")
_SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_OPTIONS = ("--ignore-scripts", "--no-fund", "--no-update-notifier", "--json")


class NpmAudit(ManifestTool):
    """Adapter for `npm audit --json`, one run for what is installed together."""

    name = "npm-audit"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("severity", _SEVERITY)
    reputation = Reputation(school="npm-audit")
    file_kind = "package.json"
    asks_outside = True
    advisory_source = Advisories("npm")
    suffixes = ("package.json",)
    canary = Canary(
        files={
            "package.json": '{"name": "canary", "dependencies": {"lodash": "4.17.4"}}\n',
        },
        expect=frozenset(
            {"GHSA-jf85-cpcp-j695", "GHSA-35jh-r3h4-6jhm", "GHSA-p6mc-m468-83gw"}
            | {"GHSA-4xc9-xhrj-v574", "GHSA-fvqr-27wr-82fm"}
        ),
    )

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The npm of the PATH: it comes with node."""
        return ("npm",)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Every `package.json`."""
        return npm_manifests(files)

    def faults(self, found: Manifests) -> Mapping[str, str]:
        """Npm's manifests and lock files that could not be read."""
        return found.npm_faults

    async def look(
        self, run: ToolRun, found: Manifests, faults: Mapping[str, str], execute: Execute
    ) -> Parsed:
        """Audit each project; if one cannot be audited, the tool fails as a whole."""
        parts: list[Parsed] = []
        skipped: dict[str, str] = {}
        lines = line_reader(run.source.root)
        for number, project in enumerate(found.npm):
            folder = run.workspace / str(number)
            folder.mkdir()
            elsewhere = _prepare(project, folder)
            if elsewhere is None:
                continue
            skipped |= elsewhere
            await self._lock(folder, execute)
            done = await execute(self._command(folder, "audit"))
            parts.append(self.read(done.stdout, project, lines))
        if not parts:
            if faults:
                raise nothing_named(faults)
            why = "; ".join(f"{path}: {why}" for path, why in skipped.items())
            raise NotApplicable(f"no dependencies of a registry: {why or _EMPTY}"[:1_000])
        return with_skipped(_joined(parts), skipped)

    async def _lock(self, folder: Path, execute: Execute) -> None:
        if (folder / "package-lock.json").exists():
            return
        done = await execute(self._command(folder, "install", "--no-audit"))
        if done.exit_code != 0:
            raise NoSource(_why(done.stdout, done.stderr))

    def _command(self, folder: Path, *words: str) -> Command:
        known = Path(_SYSTEM_CERTIFICATES).exists()
        env = {"NODE_EXTRA_CA_CERTS": _SYSTEM_CERTIFICATES} if known else {}
        argv = (*self.program(folder), *words, "--package-lock-only", *_OPTIONS)
        return Command(argv, cwd=folder, env=env, ok_exit_codes=frozenset({0, 1}), limit_s=120)

    def read(self, raw: bytes, project: NpmProject, lines: Lines) -> Parsed:
        """Advisories by package. Raises: NoSource when the registry gave no answer."""
        report = load_json(raw, self.name)
        if "vulnerabilities" not in report:
            raise NoSource(_why(raw, b""))
        known = project.dependencies
        asked = [item for item in known if item.exact]
        covered = dependency_coverage(known, asked)
        if not project.lock:  # npm's choice for the ranges, which may include more than they name
            count = report["metadata"]["dependencies"]["total"]
            covered = Coverage(unit="dependencies", given=count, reached=count)
        places = {item.name: item for item in (*project.direct, *asked)}
        nowhere = Dependency(project.label, 1, "")
        findings = [
            self._finding(advisory, places.get(advisory["name"], nowhere), lines)
            for entry in report["vulnerabilities"].values()
            for advisory in entry["via"]
            if isinstance(advisory, dict)
        ]
        return Parsed(covered, tuple(findings))

    def _finding(self, advisory: dict[str, Any], place: Dependency, lines: Lines) -> Finding:
        numbers = [int(text.removeprefix("CWE-")) for text in advisory.get("cwe", ())]
        identifier = str(advisory.get("url", "")).rpartition("/")[2] or str(advisory["source"])
        return finding(
            self.name,
            identifier,
            f"{advisory['name']} {advisory.get('range', '')}: {advisory.get('title', '')}",
            Location(path=place.path, line=place.line),
            lines(place.path, place.line),
            severity=self.grades.of(advisory["severity"]),
            confidence=Confidence.HIGH,
            cwe=(1395, *numbers),
            identity=(identifier, advisory["name"]),
        )


def _prepare(project: NpmProject, folder: Path) -> dict[str, str] | None:
    """Write the input of npm: pins, or a manifest with only plain ranges of a registry.

    Returns the dependencies left out with the reason; None where nothing is left to ask about.
    """
    if project.lock:
        write_pins(folder, project.locked)
        return {} if any(item.exact for item in project.locked) else None
    elsewhere = {
        f"{name} ({project.label})": "not a plain version of a registry's package"
        for entries in project.wanted.values()
        for name, wanted in entries.items()
        if not _is_plain(wanted)
    }
    plain = {
        section: {name: wanted for name, wanted in entries.items() if _is_plain(wanted)}
        for section, entries in project.wanted.items()
    }
    if not any(plain.values()):
        return None
    manifest = {"name": "app", "version": "0.0.0", **plain}
    (folder / "package.json").write_text(json.dumps(manifest, indent=1))
    return elsewhere


def _joined(parts: Sequence[Parsed]) -> Parsed:
    """One report of all projects."""
    covered = [part.coverage for part in parts]
    coverage = Coverage(
        unit="dependencies",
        given=sum(part_coverage.given or 0 for part_coverage in covered),
        reached=sum(part_coverage.reached for part_coverage in covered),
        skipped=tuple(row for part_coverage in covered for row in part_coverage.skipped)[:50],
        skipped_total=sum(part_coverage.skipped_total for part_coverage in covered),
    )
    findings = tuple(found for part in parts for found in part.findings)
    return Parsed(coverage, findings, fresh_for=ADVISORIES_FRESH)


def _is_plain(wanted: Any) -> bool:
    return isinstance(wanted, str) and bool(_RANGE.match(wanted) or wanted in ("latest", "next"))


def _why(stdout: bytes, stderr: bytes) -> str:
    try:
        report = json.loads(stdout)
        error = report.get("error") or {}
        text = report.get("message") or error.get("summary") or error.get("code") or ""
    except (ValueError, AttributeError):
        text = ""
    return str(text or stderr.decode(errors="replace").strip()[-300:] or "no answer")[:400]
