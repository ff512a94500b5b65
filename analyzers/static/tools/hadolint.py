"""Hadolint: Dockerfiles, and through ShellCheck the commands in them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import broken
from analyzers.runtime.tool import Canary, Command, Parsed, ToolFault
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    load_json,
    positive,
    relative,
)
from analyzers.static.reputation import Reputation
from analyzers.static.tools.container_files import is_dockerfile
from contract.analysis import Category, Confidence, Finding, Location, Severity

_SEVERITY = {
    "error": Severity.MEDIUM,
    "warning": Severity.LOW,
    "info": Severity.INFO,
    "style": Severity.INFO,
    "ignore": Severity.INFO,
}
SECURITY = {"DL3002": 250, "DL3004": 250, "DL3026": 829, "DL4006": 754}
_UNPARSED = "DL1000"
_SENTINEL = "assay-sentinel.Dockerfile"


class Hadolint(CommandTool):
    """Adapter for `hadolint -f json`."""

    name = "hadolint"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    grades = Grades("level", _SEVERITY)
    reputation = Reputation(school="hadolint")
    file_kind = "Dockerfile"
    suffixes = (".dockerfile", ".Dockerfile")
    apart = True
    canary = Canary(
        files={"Dockerfile": "FROM debian:12\nRUN sudo true\nUSER root\n"},
        expect=frozenset({"DL3004", "DL3002"}),
    )

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """`Dockerfile`, `Dockerfile.prod`, `web.Dockerfile`."""
        return tuple(name for name in files if is_dockerfile(name))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Pragmas in the file do not count; every file of the copy is named."""
        copies = sorted(path for path in (workspace / "src").rglob("*") if path.is_file())
        names = (str(path.relative_to(workspace / "src")) for path in copies)
        options = ("--no-fail", "--disable-ignore-pragma", "--no-color", "-f", "json", "--")
        return (*self.program(tools_dir), *options, *names)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """A file of ours with a known flaw proves that the report speaks of these files."""
        (workspace / "src" / _SENTINEL).write_text("FROM debian:12\nRUN sudo true\n")
        return super().command(tools_dir, workspace)

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """A file that does not parse has one message, DL1000, and was not looked at."""
        known = frozenset(given) | {_SENTINEL}
        reasons: dict[str, str] = {}
        gathered = Gathered(reasons=reasons)
        planted = False
        for item in load_json(raw, self.name):
            path = relative(item["file"], known)
            if path == _SENTINEL:
                planted = True
            elif item["code"] == _UNPARSED:
                first = item["message"].splitlines()[0]
                reasons[path] = broken(f"line {item['line']}: {first}")
            else:
                gathered.add(path, partial(self._finding, item, path, lines))
        if not planted:
            raise ToolFault("hadolint did not see the flaw planted by Assay")
        return Parsed(coverage(given, given, reasons), tuple(gathered.findings))

    def _finding(self, item: dict, path: str, lines: Lines) -> Finding:
        code = item["code"]
        weakness = SECURITY.get(code)
        line, column = lines.place(path, item["line"], item["column"], "lf", "characters")
        return finding(
            self.name,
            code,
            item["message"],
            Location(path=path, line=positive(line), column=column),
            lines(path, line),
            severity=self.grades.of(item["level"]),
            confidence=Confidence.HIGH,
            category=Category.SECURITY if weakness else Category.QUALITY,
            cwe=(weakness,) if weakness else (),
        )
