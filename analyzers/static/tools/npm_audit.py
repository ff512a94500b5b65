"""npm audit: known advisories on what an app's JavaScript parts would install.

Where there is no lock file one is made from the registry, for plain version ranges only: an
address, a folder or a git repository in a stranger's manifest is never followed.
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
from analyzers.static.adapter import CommandTool, Lines, finding, line_reader, load_json, mapped
from analyzers.static.manifests import npm_manifests, read_package
from analyzers.static.tools.pip_audit import UNREACHABLE
from contract.analysis import Confidence, Coverage, Finding, Location, Severity, Skipped

_SEVERITY = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
_RANGE = re.compile(r"^[\^~<>=* |.\dvxX-]+[\w.+-]*$")
_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")
_SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_OPTIONS = ("--ignore-scripts", "--no-fund", "--no-update-notifier", "--json")


class NpmAudit(CommandTool):
    """Adapter for `npm audit --json`, one run for each manifest."""

    name = "npm-audit"
    what = "package.json"
    suffixes = ("package.json",)
    cost = 0.5
    canary = Canary(
        files={
            "package.json": '{"name": "canary", "dependencies": {"lodash": "4.17.4"}}\n',
        }
    )

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The npm of the PATH: it comes with node."""
        return ("npm",)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Every `package.json`."""
        return npm_manifests(files)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Audit each manifest; one that cannot be audited makes the tool fail as a whole."""
        manifests = self.select(run.source.files)
        if not manifests:
            raise NotApplicable(f"no {self.what} files")
        parts: list[Parsed] = []
        skipped: list[Skipped] = []
        for number, path in enumerate(manifests):
            folder = run.workspace / str(number)
            reason = _prepare(run, path, folder)
            if reason:
                skipped.append(Skipped(what=path, reason=reason))
                continue
            await self._lock(folder, execute)
            done = await execute(self._command(folder, "audit"))
            parts.append(self.read(done.stdout, path, folder, line_reader(run.source.root)))
        if not parts:
            raise NotApplicable("no dependencies of a registry: " + skipped[0].reason)
        return _joined(parts, skipped)

    async def _lock(self, folder: Path, execute: Execute) -> None:
        if (folder / "package-lock.json").exists():
            return
        done = await execute(self._command(folder, "install", "--no-audit"))
        if done.exit_code != 0:
            raise ToolFault(f"{UNREACHABLE}: {_why(done.stdout, done.stderr)}")

    def _command(self, folder: Path, *words: str) -> Command:
        known = Path(_SYSTEM_CERTIFICATES).exists()
        env = {"NODE_EXTRA_CA_CERTS": _SYSTEM_CERTIFICATES} if known else {}
        argv = (*self.program(folder), *words, "--package-lock-only", *_OPTIONS)
        return Command(argv, cwd=folder, env=env, ok_exit_codes=frozenset({0, 1}), limit_s=120)

    def read(self, raw: bytes, path: str, folder: Path, lines: Lines) -> Parsed:
        """Advisories by package. Raises: ToolFault when the registry gave no answer."""
        report = load_json(raw, self.name)
        if "vulnerabilities" not in report:
            raise ToolFault(f"{UNREACHABLE}: {_why(raw, b'')}")
        count = report["metadata"]["dependencies"]["total"]
        places = {item.name: item.line for item in read_package(folder, "package.json")}
        findings = [
            self._finding(advisory, path, places.get(name, 1), lines)
            for name, entry in report["vulnerabilities"].items()
            for advisory in entry["via"]
            if isinstance(advisory, dict)
        ]
        covered = Coverage(unit="dependencies", given=count, reached=count)
        return Parsed(covered, tuple(findings))

    def _finding(self, advisory: dict[str, Any], path: str, line: int, lines: Lines) -> Finding:
        numbers = [int(text.removeprefix("CWE-")) for text in advisory.get("cwe", ())]
        identifier = str(advisory.get("url", "")).rpartition("/")[2] or str(advisory["source"])
        return finding(
            self.name,
            identifier,
            f"{advisory['name']} {advisory.get('range', '')}: {advisory.get('title', '')}",
            Location(path=path, line=line),
            lines(path, line),
            severity=mapped(_SEVERITY, advisory["severity"], "severity"),
            confidence=Confidence.HIGH,
            cwe=(1395, *numbers),
            identity=(identifier, advisory["name"]),
        )


def _prepare(run: ToolRun, path: str, folder: Path) -> str:
    """Write a manifest with registry dependencies alone; the reason where there are none."""
    folder.mkdir()
    try:
        document = json.loads((run.source.root / path).read_text(errors="replace"))
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"[:300]
    sections = {name: _plain(document, name) for name in _SECTIONS}
    if not any(sections.values()):
        return "no dependencies"
    manifest = {"name": "app", "version": "0.0.0", **sections}
    (folder / "package.json").write_text(json.dumps(manifest, indent=1))
    lock = path.removesuffix("package.json") + "package-lock.json"
    if lock in run.source.files:
        (folder / "package-lock.json").write_bytes((run.source.root / lock).read_bytes())
    return ""


def _plain(document: Any, section: str) -> dict[str, str]:
    entries = document.get(section) if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        return {}
    return {
        name: wanted
        for name, wanted in entries.items()
        if isinstance(wanted, str) and (_RANGE.match(wanted) or wanted in ("latest", "next"))
    }


def _why(stdout: bytes, stderr: bytes) -> str:
    try:
        report = json.loads(stdout)
        error = report.get("error") or {}
        text = report.get("message") or error.get("summary") or error.get("code") or ""
    except (ValueError, AttributeError):
        text = ""
    return str(text or stderr.decode(errors="replace").strip()[-300:] or "no answer")[:400]


def _joined(parts: Sequence[Parsed], skipped: Sequence[Skipped]) -> Parsed:
    count = sum(part.coverage.reached for part in parts)
    covered = Coverage(
        unit="dependencies",
        given=count,
        reached=count,
        skipped=tuple(skipped[:50]),
        skipped_total=len(skipped),
    )
    return Parsed(covered, tuple(found for part in parts for found in part.findings))
