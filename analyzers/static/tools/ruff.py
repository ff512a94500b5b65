"""Ruff: security rules (`S`) and the lint families that find bugs rather than matters of taste."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import broken
from analyzers.runtime.tool import Canary, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    line_reader,
    load_json,
    relative,
)
from analyzers.static.files import in_utf8
from analyzers.static.reputation import Reputation
from analyzers.static.weaknesses import RUFF_SECURITY
from contract.analysis import Category, Confidence, Finding, Location, Severity

_QUALITY: dict[str, Severity] = {
    "ASYNC": Severity.MEDIUM,
    "B": Severity.MEDIUM,
    "BLE": Severity.LOW,
    "C4": Severity.INFO,
    "C90": Severity.LOW,
    "DTZ": Severity.LOW,
    "E4": Severity.INFO,
    "E7": Severity.LOW,
    "E9": Severity.HIGH,
    "F": Severity.MEDIUM,
    "PERF": Severity.INFO,
    "PIE": Severity.INFO,
    "PLE": Severity.HIGH,
    "RET": Severity.INFO,
    "SIM": Severity.INFO,
    "UP": Severity.INFO,
    "W6": Severity.LOW,
}
_ISOLATED = ("check", "--isolated", "--no-cache", "--config", "exclude=[]")
_UNREAD = frozenset({"invalid-syntax", "E902", None})
_LATER = "syntax was added in Python"  # it read the file all the same


# Its security rules are bandit's, rewritten.
_ADVICE = frozenset(f"S{number}" for number in range(401, 416)) | {"S101", "S110", "S112"}
_NOISY = frozenset(
    {"S104", "S105", "S106", "S107", "S108", "S113", "S310", "S311", "S603", "S606", "S607"}
    | {"S608", "S301", "S302", "S307", "S308", "S704", "S313", "S314", "S318", "S319"}
    | {"S602", "S604", "S605", "S610", "S611", "S324", "S303"}
)
_REPUTATION = Reputation(
    school="bandit", noisy=_NOISY, advice=_ADVICE, by_name=frozenset({"S105", "S106", "S107"})
)


class Ruff(CommandTool):
    """Adapter for `ruff check --output-format json`."""

    name = "ruff"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    grades = Grades(
        "rule or family", {code: grade for code, (_, grade) in RUFF_SECURITY.items()} | _QUALITY
    )
    reputation = _REPUTATION
    reads_selected = True
    file_kind = "Python"
    suffixes = (".py",)
    apart = True
    max_depth = 2_000  # one file that nests deeper overflows its stack
    canary = Canary(
        files={"app.py": "import subprocess\n\nsubprocess.run('ls ' + NAME, shell=True)\n"},
        expect=frozenset({"S602"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Neither the app's configuration nor its `noqa` comments count."""
        families = ",".join(("S", *_QUALITY))
        return (
            *(*self.program(tools_dir), *_ISOLATED, "--ignore-noqa", "--select", families),
            *("--target-version", "py313", "--exit-zero", "--output-format", "json", "."),
        )

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Ask for the list of files first: the report of a ruff that saw none is an empty list."""
        self.copy(run, given)
        command = self.command(run.tools_dir, run.workspace)
        listing = (*self.program(run.tools_dir), *_ISOLATED, "--show-files", ".")
        listed = await execute(replace(command, argv=listing))
        seen = [name for name in self.report(run, listed).decode().split("\n") if name]
        done = await execute(command)
        return self.parse(self.report(run, done), given, line_reader(run.source.root), seen)

    def cleaned(self, data: bytes) -> bytes:
        """It reads only UTF-8, while Python honours the encoding that a file declares."""
        return in_utf8(data)

    def rules_digest(self) -> str:
        """Digest of the selected families and our severities."""
        table = repr((sorted(_QUALITY.items()), sorted(RUFF_SECURITY.items())))
        return hashlib.sha256(table.encode()).hexdigest()

    def parse(
        self, raw: bytes, given: Sequence[str], lines: Lines, seen: Sequence[str] | None = None
    ) -> Parsed:
        """A file with a syntax error was not looked at, whatever else is reported for it."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        reached = given if seen is None else [relative(name, known) for name in seen]
        reasons: dict[str, str] = {}
        gathered = Gathered(reasons=reasons)
        for item in report:
            path = relative(item["filename"], known)
            if item["code"] not in _UNREAD:
                gathered.add(path, partial(self._finding, item, path, lines))
            elif _LATER not in item["message"]:
                where = f"line {item['location']['row']}"
                reasons.setdefault(path, broken(f"{where}: {item['message']}"))
        return Parsed(coverage(given, reached, reasons), tuple(gathered.findings))

    def _finding(self, item: dict, path: str, lines: Lines) -> Finding:
        code = item["code"]
        row = item["location"]["row"]
        cwe, severity, category = classify(code)
        return finding(
            self.name,
            code,
            item["message"],
            Location(
                path=path,
                line=row,
                end_line=item["end_location"]["row"],
                column=item["location"]["column"],
            ),
            lines(path, row),
            severity=severity,
            confidence=Confidence.MEDIUM if category is Category.SECURITY else Confidence.HIGH,
            category=category,
            cwe=cwe,
        )


def classify(code: str) -> tuple[tuple[int, ...], Severity, Category]:
    """CWE, severity and category of a rule. Raises: ToolFault for a rule we did not select."""
    if code in RUFF_SECURITY:
        cwe, severity = RUFF_SECURITY[code]
        return cwe, severity, Category.SECURITY
    families = [family for family in _QUALITY if code.startswith(family)]
    if not families or (code[0] == "S" and not code.startswith("SIM")):
        raise ToolFault(f"unknown rule: {code!r}")
    return (), _QUALITY[max(families, key=len)], Category.QUALITY
