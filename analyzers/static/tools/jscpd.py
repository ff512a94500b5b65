"""jscpd: copied code, within and across files."""

from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Parsed, ToolFault
from analyzers.static.adapter import CommandTool, Lines, coverage, finding, load_json, relative
from analyzers.static.syntax import SCRIPT_SUFFIXES
from contract.analysis import Category, Confidence, Finding, Location, Metric, Severity

_MIN_TOKENS = 70
_BODY = """  let sum = 0;
  for (const item of items) {
    if (item.price > 0 && item.count > 0) {
      sum += item.price * item.count;
    } else if (item.price < 0) {
      throw new Error("negative price " + item.name);
    }
  }
  const shipping = sum > 100 ? 0 : 7.5;
  const tax = Math.round(sum * 0.19 * 100) / 100;
  return { sum, shipping, tax, total: sum + shipping + tax };
}
"""
_SENTINEL = "assay_sentinel.js"
_PLANTED = "export const PLANTED = [\n" + "".join(f"  {n},\n" for n in range(60)) + "];\n"


class Jscpd(CommandTool):
    """Adapter for `jscpd --reporters json`."""

    name = "jscpd"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("finding", {"a copy": Severity.INFO})
    file_kind = "source"
    suffixes = (".py", *SCRIPT_SUFFIXES, ".css", ".html")
    apart = True
    canary = Canary(
        files={
            "a.js": "export function one(items) {\n" + _BODY,
            "b.js": "export function two(items) {\n" + _BODY,
        },
        expect=frozenset({"duplicate-code"}),
    )

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The binary itself; the package that chooses one by platform is not installed."""
        packages = sorted(tools_dir.glob("node_modules/jscpd-linux-*/bin/jscpd"))
        return (str(packages[0] if packages else tools_dir / "node_modules/.bin/jscpd"),)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Everything in the copy, whatever its size."""
        return (
            *(*self.program(tools_dir), "--reporters", "json", "--output", str(workspace)),
            *("--min-tokens", str(_MIN_TOKENS), "--no-gitignore", "--no-colors", "--no-tips"),
            *("--max-size", "10mb", "--workers", "1", "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The tool chooses the report's name itself.

        A file of ours is long enough to be compared: a report without it is blind.
        """
        (workspace / "src" / _SENTINEL).write_text(_PLANTED)
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            output=workspace / "jscpd-report.json",
        )

    def cleaned(self, data: bytes) -> bytes:
        """Comments that hide a part of a file become plain comments."""
        return data.replace(b"jscpd:ignore", b"jscpd;ignore")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Statistics count files without names; files that are too short hold no duplicate."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        total = report["statistics"]["total"]
        sources, length = total["sources"] - 1, total["lines"] - _PLANTED.count("\n")
        if not 0 <= sources <= len(given):
            raise ToolFault(f"jscpd looked at {sources} of {len(given)} files")
        share = 100 * total["duplicatedLines"] / length if length > 0 else 0.0
        findings = tuple(self._finding(item, known, lines) for item in report["duplicates"])
        metrics = (
            Metric(name="duplicated_lines", value=total["duplicatedLines"], unit="count"),
            Metric(name="duplication", value=round(share, 2), unit="percent"),
        )
        note = (
            f"{sources} of {len(given)} files have {_MIN_TOKENS} tokens or more;"
            " a shorter one cannot hold a duplicate"
        )
        return Parsed(coverage(given, given), findings, metrics, notes=(note,))

    def _finding(self, item: dict, known: frozenset[str], lines: Lines) -> Finding:
        first, second = item["firstFile"], item["secondFile"]
        path, other = relative(first["name"], known), relative(second["name"], known)
        return finding(
            self.name,
            "duplicate-code",
            f"{item['lines']} lines are the same as {other}:{second['start']}.",
            Location(path=path, line=first["start"], end_line=first["end"]),
            f"{lines(path, first['start'])} {item['tokens']} {other}",
            severity=self.grades.of("a copy"),
            confidence=Confidence.HIGH,
            category=Category.QUALITY,
            cwe=(1041,),
        )
