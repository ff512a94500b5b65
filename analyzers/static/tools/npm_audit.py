"""npm audit: known advisories on what an app's JavaScript parts would install.

Where there is no lock file one is made from the registry, for plain version ranges only: an
address, a folder or a git repository in a stranger's manifest is never followed.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.manifests import json_object, lock_beside, npm_manifests, read_package
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
    CommandTool,
    Lines,
    finding,
    line_reader,
    load_json,
    mapped,
    with_skipped,
)
from analyzers.static.tools.pip_audit import ADVISORIES_FRESH, UNREACHABLE
from contract.analysis import Confidence, Coverage, Finding, Location, Severity

_SEVERITY = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
_EMPTY = "no dependencies"
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

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Audit each manifest; one that cannot be audited makes the tool fail as a whole."""
        parts: list[Parsed] = []
        skipped: dict[str, str] = {}
        unasked: dict[str, str] = {}
        for number, path in enumerate(given):
            folder = run.workspace / str(number)
            reason, elsewhere = _prepare(run, path, folder)
            skipped |= elsewhere
            if reason:
                unasked[path] = reason
                continue
            await self._lock(folder, execute)
            done = await execute(self._command(folder, "audit"))
            parts.append(self.read(done.stdout, path, folder, line_reader(run.source.root)))
        if not parts:
            whys = "; ".join(f"{what}: {why}" for what, why in (unasked | skipped).items())
            raise NotApplicable(f"no dependencies of a registry: {whys}"[:1_000])
        count = sum(part.coverage.reached for part in parts)
        covered = Coverage(unit="dependencies", given=count, reached=count)
        findings = tuple(found for part in parts for found in part.findings)
        skipped |= {path: why for path, why in unasked.items() if why != _EMPTY}
        return with_skipped(Parsed(covered, findings, fresh_for=ADVISORIES_FRESH), skipped)

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


def _prepare(run: ToolRun, path: str, folder: Path) -> tuple[str, dict[str, str]]:
    """Write a manifest with registry dependencies alone.

    Returns the reason where there are none, and the dependencies that come from elsewhere.
    """
    folder.mkdir()
    try:
        document = json_object((run.source.root / path).read_text(errors="replace"))
    except ValueError as error:
        return f"no package.json: {error}"[:300], {}
    sections = {name: _entries(document, name) for name in _SECTIONS}
    elsewhere = {
        f"{name} ({path})": "not a plain version of a registry's package"
        for entries in sections.values()
        for name, wanted in entries.items()
        if not _is_plain(wanted)
    }
    plain = {
        section: {name: wanted for name, wanted in entries.items() if _is_plain(wanted)}
        for section, entries in sections.items()
    }
    if not any(plain.values()):
        return _EMPTY, elsewhere
    manifest = {"name": "app", "version": "0.0.0", **plain}
    (folder / "package.json").write_text(json.dumps(manifest, indent=1))
    lock = lock_beside(path)
    if lock in run.source.files:
        (folder / "package-lock.json").write_bytes((run.source.root / lock).read_bytes())
    return "", elsewhere


def _entries(document: dict[str, Any], section: str) -> dict[str, Any]:
    entries = document.get(section)
    return entries if isinstance(entries, dict) else {}


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
