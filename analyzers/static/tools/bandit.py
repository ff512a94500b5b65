"""Bandit: insecure patterns in Python. Suppressions written into the app are not honoured."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Parsed
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    load_json,
    mapped,
    relative,
)
from analyzers.static.reputation import Reputation
from analyzers.static.weaknesses import BANDIT_CWE
from contract.analysis import Category, Confidence, Finding, Location, Severity

_SEVERITY = {
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "UNDEFINED": Severity.INFO,
}
_CONFIDENCE = {
    "HIGH": Confidence.HIGH,
    "MEDIUM": Confidence.MEDIUM,
    "LOW": Confidence.LOW,
    "UNDEFINED": Confidence.LOW,
}


# They name a module or a habit, not a weakness of this app.
_ADVICE = frozenset(f"B{number}" for number in range(401, 416)) | {"B101", "B110", "B112"}
# They cannot see whether the data is the user's (a query built from constants), whether the value
# is secret (a variable named token), or whether the use matters (random for a colour).
_NOISY = frozenset(
    {"B104", "B105", "B106", "B107", "B108", "B113", "B310", "B311", "B603", "B606", "B607"}
    | {"B608", "B301", "B302", "B307", "B308", "B703", "B704", "B313", "B314", "B318", "B319"}
    | {"B602", "B604", "B605", "B610", "B611", "B324", "B303"}
)
_REPUTATION = Reputation(
    school="bandit", noisy=_NOISY, advice=_ADVICE, by_name=frozenset({"B105", "B106", "B107"})
)


class Bandit(CommandTool):
    """Adapter for `bandit -f json`."""

    name = "bandit"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("severity", _SEVERITY)
    reputation = _REPUTATION
    file_kind = "Python"
    suffixes = (".py",)
    apart = True
    canary = Canary(
        files={"app.py": "import pickle\n\nVALUE = pickle.loads(open('v', 'rb').read())\n"},
        expect=frozenset({"B301"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Every file of the copy, with no file excluded and no configuration of the app's."""
        report = str(workspace / "bandit.json")
        options = ("-q", "-r", ".", "-x", "", "--ignore-nosec", "-f", "json", "-o", report)
        return (*self.program(tools_dir), *options)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 1 means: ran, and found issues."""
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            ok_exit_codes=frozenset({0, 1}),
            output=workspace / "bandit.json",
        )

    def rules_digest(self) -> str:
        """Digest of the weaknesses that we use instead of its own."""
        return hashlib.sha256(repr(sorted(BANDIT_CWE.items())).encode()).hexdigest()

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Only `errors` names files that bandit could not parse; the exit code hides them."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        reached = [relative(name, known) for name in report["metrics"] if name != "_totals"]
        reasons = {relative(item["filename"], known): item["reason"] for item in report["errors"]}
        gathered = Gathered(reasons=reasons)
        for item in report["results"]:
            path = relative(item["filename"], known)
            gathered.add(path, partial(self._finding, item, path, lines))
        return Parsed(coverage(given, reached, reasons), tuple(gathered.findings))

    def _finding(self, item: dict, path: str, lines: Lines) -> Finding:
        line = item["line_number"]
        weakness_id = item["issue_cwe"].get("id")
        return finding(
            self.name,
            item["test_id"],
            item["issue_text"],
            Location(
                path=path,
                line=line,
                end_line=max(item["line_range"]),
                column=lines.column(path, line, item["col_offset"] + 1, "utf-8"),
            ),
            lines(path, line),
            severity=self.grades.of(item["issue_severity"]),
            confidence=mapped(_CONFIDENCE, item["issue_confidence"], "confidence"),
            cwe=BANDIT_CWE.get(item["test_id"], (weakness_id,) if weakness_id else ()),
        )
