"""How steady the identity of findings is, with real tools on the control apps.

python bench/bench_fingerprint.py

Share of the weaknesses (after fusion) that keep their identity through edits after which a person
would call them the same; and share that gets another one where a person would see another one.
"""

import asyncio
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from analyzers.runtime.source.identified import identified
from analyzers.runtime.tool import NotApplicable
from analyzers.static.fusion import fuse
from analyzers.static.tools import REPUTATIONS, TOOLS
from bench.recording import recorded
from contract.analysis import Finding, MeasurementState, ToolReport
from tests.support.edits import SAME, Edit
from tests.support.static_run import ROOT, measure

APPS = [ROOT / "controls/careless-1/app1", ROOT / "controls/careless-1/app2"]
NAMES = ("bandit", "ruff", "opengrep", "eslint", "detect-secrets")
SUFFIXES = (".py", ".js", ".jsx")
MIN_LINES = 10  # smaller files (settings of a bundler) have nothing to edit


def main() -> None:
    """Print both shares."""
    with tempfile.TemporaryDirectory() as folder:
        known = [(app, asyncio.run(reports_of(app))) for app in APPS]
        total = sum(len(fused(reports)) for _, reports in known)
        print(f"{total} weaknesses after fusion in {len(APPS)} apps, by {', '.join(NAMES)}\n")
        print("kept through")
        rows = {name: kept_by_edit(known, edit, Path(folder)) for name, edit in SAME.items()}
        rows["another set of tools"] = kept_without_a_tool(known)
        apart, of = apart_by(known, SETTING, Path(folder))
        rows["a setting beside it"] = of - apart, of
        show(rows)
        print("\nkept apart by")
        show({name: apart_by(known, change, Path(folder)) for name, change in APART.items()})


async def reports_of(app: Path) -> list[ToolReport]:
    """What each tool reports on an app."""
    reports: list[ToolReport] = []
    for tool in (tool for tool in TOOLS if tool.name in NAMES):
        with tempfile.TemporaryDirectory() as workspace:
            try:
                parsed = await measure(tool, app, Path(workspace))
            except NotApplicable:
                continue
        reports.append(
            ToolReport(
                tool=tool.name,
                state=MeasurementState.MEASURED,
                coverage=parsed.coverage,
                findings=tuple(identified(parsed.findings, app)),
                data=parsed.data,
            )
        )
    return reports


def fused(reports: Sequence[ToolReport]) -> tuple[Finding, ...]:
    """The weaknesses."""
    return fuse(reports, REPUTATIONS)


Known = Sequence[tuple[Path, Sequence[ToolReport]]]
Share = tuple[int, int]


def kept_by_edit(known: Known, edit: Edit, folder: Path) -> Share:
    """How many weaknesses the real tools find again, with their identity, in the edited apps."""
    kept, of = 0, 0
    for number, (app, reports) in enumerate(known):
        copy = folder / f"{edit.__name__}{number}"
        shutil.copytree(app, copy)
        for file in copy.rglob("*"):
            if file.suffix in SUFFIXES and len(text := file.read_text().split("\n")) > MIN_LINES:
                file.write_text(edit(file.suffix, "\n".join(text)), newline="")
        kept, of = added((kept, of), again(fused(reports), fused(asyncio.run(reports_of(copy)))))
    return kept, of


def kept_without_a_tool(known: Known) -> Share:
    """The same with each tool left out once; a weakness that only it sees does not count."""
    share = (0, 0)
    for _, reports in known:
        for tool in {report.tool for report in reports}:
            before = [
                found
                for found in fused(reports)
                if any(witness.partition(":")[0] != tool for witness in found.witnesses)
            ]
            rest = [report for report in reports if report.tool != tool]
            share = added(share, again(before, fused(rest)))
    return share


def again(before: Sequence[Finding], after: Sequence[Finding]) -> Share:
    """How many of `before` have a counterpart in `after`, each used once."""
    left = Counter(name for found in after for name in {found.fingerprint, *found.aliases})
    kept = 0
    for found in before:
        if name := next((n for n in (found.fingerprint, *found.aliases) if left[n]), None):
            left[name] -= 1
            kept += 1
    return kept, len(before)


def added(one: Share, other: Share) -> Share:
    """Sum of both."""
    return one[0] + other[0], one[1] + other[1]


Change = Callable[[Finding, list[str]], tuple[Finding, list[str]] | None]


def apart_by(known: Known, change: Change, folder: Path) -> Share:
    """How many weaknesses have another identity after a change of their own code or place."""
    apart, of = 0, 0
    for app, reports in known:
        for found in fused(reports):
            path = found.location.path or ""
            lines = (app / path).read_text().split("\n")
            changed = change(found.model_copy(update={"fingerprint": ""}), list(lines))
            if changed is None:
                continue
            other, text = changed
            file = folder / "changed" / (other.location.path or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(text))
            (new,) = identified([other], folder / "changed")
            of += 1
            apart += new.fingerprint != found.fingerprint
    return apart, of


def on_line(pattern: str, to: str) -> Change:
    """A change of the line of the finding; None where it has no such part."""

    def change(found: Finding, lines: list[str]) -> tuple[Finding, list[str]] | None:
        at = (found.location.line or 1) - 1
        new = re.sub(pattern, to, lines[at], count=1)
        if new == lines[at]:
            return None
        lines[at] = new
        return found.model_copy(
            update={"location": found.location.model_copy(update={"column": None})}
        ), lines

    return change


def of_function(found: Finding, lines: list[str]) -> tuple[Finding, list[str]] | None:
    """Another name of the function, or another route, around it."""
    head = re.compile(r"^(def |function |app\.\w+\(\s*['\"])([/\w:-]+)")
    if lines[(found.location.line or 1) - 1][:1] not in " \t":
        return None
    for at in range((found.location.line or 1) - 1, -1, -1):
        if head.match(lines[at]):
            lines[at] = head.sub(r"\1\2other", lines[at], count=1)
            return found, lines
        if lines[at][:1].strip():
            return None
    return None


def of_file(found: Finding, lines: list[str]) -> tuple[Finding, list[str]]:
    """The same code in another file."""
    place = found.location.model_copy(update={"path": f"other/{found.location.path}"})
    return found.model_copy(update={"location": place}), lines


def of_family(found: Finding, lines: list[str]) -> tuple[Finding, list[str]]:
    """Another weakness in the same statement."""
    return found.model_copy(update={"cwe": (1188,)}), lines


APART: dict[str, Change] = {
    "another file": of_file,
    "another function or route": of_function,
    "another weakness": of_family,
    "another called method": on_line(r"\.(\w+)\(", r".other_\1("),
    "another text (SQL, command)": on_line(r"(['\"`])(\w[^'\"`]*)", r"\1other \2"),
    "another parameter": on_line(
        r"(args|query|form|body|params)(\.get\(['\"]|\.|\[['\"])(\w+)", r"\1\2other_\3"
    ),
    "another number": on_line(r"(?<![\w'\"/-])\d+(?![\w'\"-])", "31337"),
    "one value more": on_line(r" \+ (\w)", r" + also.more + \1"),
    "another argument": on_line(r"\)(;?)$", r", dangerous=also.more)\1"),
    "another attribute": on_line(r"(\w)\.(\w+)(?=[ ,)\]]|$)", r"\1.other_\2"),
}
SETTING = on_line(r"\)(;?)$", r", retries=3)\1")


def show(rows: dict[str, Share]) -> None:
    """One line each, and the sum."""
    total = (0, 0)
    for name, (kept, of) in rows.items():
        total = added(total, (kept, of))
        print(f"  {name:30} {kept:4} of {of:4}  {kept / max(of, 1):6.1%}")
    print(f"  {'all':30} {total[0]:4} of {total[1]:4}  {total[0] / max(total[1], 1):6.1%}")


if __name__ == "__main__":
    recorded(__file__, main)
