"""pip-audit: known advisories on the exact versions an app's requirements files pin.

A dependency counts as looked at only when the advisory source gave an answer about it: the tool
itself says "no known vulnerabilities" and exits 0 when it could ask about none of them.
"""

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
from analyzers.static.adapter import CommandTool, Lines, finding, line_reader, load_json
from analyzers.static.manifests import (
    Dependency,
    dependency_coverage,
    python_manifests,
    read_requirements,
)
from contract.analysis import Confidence, Finding, Location, Severity

UNREACHABLE = "advisory source unreachable"
_SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class PipAudit(CommandTool):
    """Adapter for `pip-audit -f json`, given names and exact versions alone."""

    name = "pip-audit"
    what = "Python requirements"
    suffixes = (".txt",)
    cost = 0.5
    canary = Canary(files={"requirements.txt": "jinja2==2.4.1\n"})

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Requirements files."""
        return python_manifests(files)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Neither pip nor a resolver runs: nothing of the app is installed or built."""
        return (
            *(*self.program(tools_dir), "--no-deps", "--disable-pip", "--progress-spinner", "off"),
            *("-f", "json", "--timeout", "15", "-r", str(workspace / "pins.txt")),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 1 means: found advisories, or could not ask. Certificates are the system's."""
        known = Path(_SYSTEM_CERTIFICATES).exists()
        env = {"REQUESTS_CA_BUNDLE": _SYSTEM_CERTIFICATES} if known else {}
        argv = self.argv(tools_dir, workspace)
        return Command(argv, env=env, ok_exit_codes=frozenset({0, 1}), limit_s=120)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Ask about every exact pin of every requirements file at once."""
        manifests = self.select(run.source.files)
        if not manifests:
            raise NotApplicable(f"no {self.what} files")
        found = [item for name in manifests for item in read_requirements(run.source.root, name)]
        if not found:
            raise NotApplicable("no dependencies in the requirements files")
        pins = sorted({f"{item.name}=={item.version}" for item in found if item.exact})
        if not pins:
            raise NotApplicable("no dependency is pinned to an exact version")
        (run.workspace / "pins.txt").write_text("\n".join(pins) + "\n")
        done = await execute(self.command(run.tools_dir, run.workspace))
        if not done.stdout.strip():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ToolFault(f"{UNREACHABLE}: {' '.join(last)[:400]}")
        return self.read(done.stdout, found, line_reader(run.source.root))

    def read(self, raw: bytes, found: Sequence[Dependency], lines: Lines) -> Parsed:
        """Coverage in dependencies. Raises: ToolFault when none of them got an answer."""
        answers = {item["name"].lower(): item for item in load_json(raw, self.name)["dependencies"]}
        asked = [item for item in found if item.exact]
        answered = [item for item in asked if "vulns" in answers.get(item.name, {})]
        if not answered:
            reasons = {item.get("skip_reason", "no answer") for item in answers.values()}
            raise ToolFault(f"{UNREACHABLE}: {'; '.join(sorted(reasons))[:400]}")
        findings = [
            self._finding(item, advisory, lines)
            for item in answered
            for advisory in answers[item.name]["vulns"]
        ]
        return Parsed(dependency_coverage(found, answered), tuple(findings))

    def _finding(self, item: Dependency, advisory: dict, lines: Lines) -> Finding:
        fixed = ", ".join(advisory.get("fix_versions") or ()) or "none"
        text = f"{item.name} {item.version}: {advisory.get('description', '')}"[:3_500]
        return finding(
            self.name,
            advisory["id"],
            f"{text} Fixed in: {fixed}.",
            Location(path=item.path, line=item.line),
            lines(item.path, item.line),
            severity=Severity.MEDIUM,  # the source does not grade
            confidence=Confidence.HIGH,
            cwe=(1395,),
            identity=(advisory["id"], item.name),
        )
