"""Our own check of compose files and Dockerfiles: privileges, sockets, secrets, open databases."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Lines,
    coverage,
    finding,
    load_json,
    mapped,
    own_python,
    relative,
)
from contract.analysis import Confidence, Finding, Location, Severity

_CHECK = Path(__file__).parent.parent / "compose_check.py"
_RULES: dict[str, tuple[int, Severity]] = {
    "compose-capability": (250, Severity.MEDIUM),
    "compose-docker-socket": (250, Severity.HIGH),
    "compose-host-folder": (668, Severity.MEDIUM),
    "compose-host-ipc": (250, Severity.MEDIUM),
    "compose-host-network": (668, Severity.MEDIUM),
    "compose-host-pid": (250, Severity.MEDIUM),
    "compose-open-database": (668, Severity.MEDIUM),
    "compose-privileged": (250, Severity.HIGH),
    "compose-secret": (798, Severity.LOW),
    "dockerfile-root": (250, Severity.LOW),
    "dockerfile-secret": (798, Severity.MEDIUM),
}
_LOW = frozenset({"compose-secret", "dockerfile-root"})
_DOCKERFILES = (".dockerfile", ".Dockerfile")
_COMPOSE = ("compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")


class ContainerFiles(CommandTool):
    """Runs `compose_check.py` as a process: a file that blows the parser harms it alone."""

    name = "container-files"
    what = "Docker or compose"
    suffixes = _COMPOSE
    cost = 0.5
    canary = Canary(
        files={"compose.yml": "services:\n  web:\n    image: web\n    privileged: true\n"},
        expect=frozenset({"compose-privileged"}),
    )

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """Our own interpreter and file."""
        return (*own_python(), str(_CHECK))

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Compose files with their overrides, and Dockerfiles."""
        return tuple(name for name in files if is_dockerfile(name) or _is_compose_file(name))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """The files come on standard input."""
        return self.program(tools_dir)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Names of the copy, one a line."""
        source = workspace / "src"
        names = sorted(
            str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
        )
        stdin = "\n".join(names).encode()
        return Command(self.argv(tools_dir, workspace), cwd=source, stdin=stdin)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Of its own code there is one version: the digest."""
        return f"1.0+{self.rules_digest()[:8]}"

    def rules_digest(self) -> str:
        """Digest of the check and its severities."""
        return hashlib.sha256(
            _CHECK.read_bytes() + repr(sorted(_RULES.items())).encode()
        ).hexdigest()

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Files that are no valid compose files are in `errors`."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        findings = tuple(self._finding(item, known, lines) for item in report["findings"])
        return Parsed(coverage(given, report["files"], report["errors"]), findings)

    def _finding(self, item: dict, known: frozenset[str], lines: Lines) -> Finding:
        cwe, severity = mapped(_RULES, item["rule"], "rule")
        path = relative(item["path"], known)
        return finding(
            self.name,
            item["rule"],
            item["message"],
            Location(path=path, line=item["line"]),
            lines(path, item["line"]),
            severity=severity,
            confidence=Confidence.LOW if item["rule"] in _LOW else Confidence.HIGH,
            cwe=(cwe,),
        )


def is_dockerfile(name: str) -> bool:
    """`Dockerfile`, `Dockerfile.prod`, `web.Dockerfile`."""
    base = name.rpartition("/")[2]
    return base == "Dockerfile" or base.startswith("Dockerfile.") or base.endswith(_DOCKERFILES)


def _is_compose_file(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.endswith((".yml", ".yaml")) and base.startswith(("compose.", "docker-compose"))
