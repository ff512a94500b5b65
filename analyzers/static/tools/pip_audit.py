"""pip-audit: known advisories on the exact versions that an app's Python manifests and locks pin.

A dependency counts as looked at only when the advisory source answered about it: the tool itself
says "no known vulnerabilities" and exits 0 when it could ask about none.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from analyzers.appsource.dependencies import Manifests, dependency_coverage, nothing_named
from analyzers.appsource.manifests import Dependency
from analyzers.appsource.python_manifests import python_manifests
from analyzers.appsource.requirements import canonical
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
from analyzers.static.adapter import Lines, finding, line_reader, load_json
from analyzers.static.manifest_tool import ManifestTool
from analyzers.static.reputation import Reputation
from contract.analysis import Category, Confidence, Finding, Location, Severity

ADVISORIES_FRESH = timedelta(hours=1)  # an unchanged app gets new advisories every day
_SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class PipAudit(ManifestTool):
    """Adapter for `pip-audit -f json`, given names and exact versions alone."""

    name = "pip-audit"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("advisory", {"any, for its source gives no grade": Severity.MEDIUM})
    reputation = Reputation(school="pip-audit")
    file_kind = "Python dependency"
    asks_outside = True
    advisory_source = Advisories("PyPI")
    suffixes = (".txt", ".toml", ".lock")
    canary = Canary(
        files={"requirements.txt": "jinja2==2.4.1\n"},
        expect=frozenset(
            {"PYSEC-2019-217", "GHSA-462w-v97r-4m45", "CVE-2019-10906"}
            | {"PYSEC-2021-66", "GHSA-g3rq-g295-4j3m", "CVE-2020-28493"}
        ),
    )

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Requirements files, pyproject.toml and their lock files."""
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

    def faults(self, found: Manifests) -> Mapping[str, str]:
        """Python's manifests that could not be read."""
        return found.python_faults

    async def look(
        self, run: ToolRun, found: Manifests, faults: Mapping[str, str], execute: Execute
    ) -> Parsed:
        """Ask about every exact pin of every manifest; two versions of a package need two runs."""
        if not found.python:
            raise nothing_named(faults)
        rounds = _rounds(found.python)
        if not rounds:
            if faults:
                raise nothing_named(faults)
            raise NotApplicable("no dependency is pinned to an exact version")
        reports: list[tuple[bytes, Sequence[Dependency]]] = []
        for pins in rounds:
            lines = sorted({f"{item.name}=={item.version}" for item in pins})
            (run.workspace / "pins.txt").write_text("\n".join(lines) + "\n")
            done = await execute(self.command(run.tools_dir, run.workspace))
            if not done.stdout.strip():
                last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
                raise NoSource(" ".join(last)[:400])
            reports.append((done.stdout, pins))
        return self.read(reports, found.python, line_reader(run.source.root))

    def read(
        self,
        reports: Sequence[tuple[bytes, Sequence[Dependency]]],
        found: Sequence[Dependency],
        lines: Lines,
    ) -> Parsed:
        """Coverage in dependencies; `reports` holds the question and answer of each run.

        Raises:
            NoSource: none of the dependencies got an answer.
        """
        answered: list[Dependency] = []
        reasons: dict[Dependency, str] = {}
        findings: list[Finding] = []
        for raw, pins in reports:
            items = load_json(raw, self.name)["dependencies"]
            answers = {canonical(item["name"]): item for item in items}
            for item in pins:
                answer = answers.get(item.name, {})
                if "vulns" in answer:
                    answered.append(item)
                    findings += [
                        self._finding(item, vulnerability, lines)
                        for vulnerability in answer["vulns"]
                    ]
                else:
                    reasons[item] = str(answer.get("skip_reason", "no answer from the source"))
        if not answered:
            raise NoSource("; ".join(sorted(set(reasons.values())))[:400])
        covered = dependency_coverage(found, answered, reasons)
        return Parsed(covered, tuple(findings), fresh_for=ADVISORIES_FRESH)

    def _finding(self, item: Dependency, advisory: dict, lines: Lines) -> Finding:
        fixed = ", ".join(advisory.get("fix_versions") or ()) or "none"
        text = f"{item.name} {item.version}: {advisory.get('description', '')}"[:3_500]
        return finding(
            self.name,
            advisory["id"],
            f"{text} Fixed in: {fixed}.",
            Location(path=item.path, line=item.line),
            lines(item.path, item.line),
            severity=self.grades.of("any, for its source gives no grade"),
            confidence=Confidence.HIGH,
            cwe=(1395,),
            identity=(advisory["id"], item.name),
        )


def _rounds(found: Sequence[Dependency]) -> list[list[Dependency]]:
    """Exact pins in as few runs as possible, none with two versions of one package."""
    rounds: list[list[Dependency]] = []
    versions: list[dict[str, str]] = []
    for item in found:
        if not item.exact:
            continue
        for pins, known in zip(rounds, versions, strict=True):
            if known.setdefault(item.name, item.version) == item.version:
                pins.append(item)
                break
        else:
            rounds.append([item])
            versions.append({item.name: item.version})
    return rounds
