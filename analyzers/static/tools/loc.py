"""pygount: lines of code, comments and blanks by language; and what the app's tree left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analyzers.appsource.manifests import LOCK_FILES
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Lines,
    coverage,
    first_version,
    load_json,
    relative,
)
from contract.analysis import Category, Metric

_SENTINEL = "assay_sentinel.py"
_PLANTED = "# one comment\n# another\nVALUE = 1\nprint(VALUE)\nprint(VALUE + 1)\n"
_PLANTED_LINES = (3, 2)  # of code, of comment
_NO_GIT = {"GIT_PYTHON_REFRESH": "quiet"}
_COUNTED = frozenset({"analyzed", "duplicate", "empty"})


class Loc(CommandTool):
    """Adapter for `pygount --format=json`."""

    name = "pygount"
    looks_for = frozenset[Category]()
    file_kind = "text"
    suffixes = ("",)
    apart = True
    parses = False
    canary = Canary(files={"app.py": "# one comment\nVALUE = 1\n"})

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """All files but lock files, which nobody wrote."""
        return tuple(name for name in files if name.rpartition("/")[2] not in LOCK_FILES)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Nothing is left out a second time: the list of files is the runtime's."""
        return (
            *(*self.program(tools_dir), "--format", "json", "--duplicates"),
            *("--folders-to-skip", "[none]", "--names-to-skip", "[none]"),
            *("--generated", "[regex](?!)", "--out", str(workspace / "loc.json"), "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The report goes to a file; without git on the host it would not even start.

        A file of ours whose lines are known lies among the app's: other numbers for it are a fault.
        """
        (workspace / "src" / _SENTINEL).write_text(_PLANTED)
        argv = self.argv(tools_dir, workspace)
        return Command(argv, cwd=workspace / "src", env=_NO_GIT, output=workspace / "loc.json")

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """The version that it reports."""
        argv = (*self.program(run.tools_dir), *self.version_argv)
        done = await execute(Command(argv, cwd=run.workspace, env=_NO_GIT, limit_s=60))
        return first_version(done.stdout, self.name)

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Add how many files of the tree were left out, by reason."""
        parsed = await super().measure(run, given, execute)
        reasons = Counter(reason for _, reason in run.source.left_out)
        left_out = tuple(
            Metric(name="files_left_out", value=count, unit="count", target=reason)
            for reason, count in sorted(reasons.items())
        )
        return replace(parsed, metrics=(*parsed.metrics, *left_out))

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Files it could not classify (binary, unknown) are skipped, each with its state."""
        known = frozenset(given) | {_SENTINEL}
        planted: tuple[int, int] | None = None
        totals: dict[str, Counter[str]] = {}
        reasons: dict[str, str] = {}
        reached: list[str] = []
        for item in load_json(raw, self.name)["files"]:
            path = relative(item["path"], known)
            if path == _SENTINEL:
                planted = (item["sourceCount"], item["documentationCount"])
                continue
            if item["state"] not in _COUNTED:
                reasons[path] = item["state"]
                continue
            reached.append(path)
            language = item["language"].strip("_").partition("+")[0]  # CSS+Lasso: a guess
            totals.setdefault(language, Counter()).update(
                files=1,
                lines_of_code=item["sourceCount"],
                lines_of_comment=item["documentationCount"],
            )
        if planted != _PLANTED_LINES:
            raise ToolFault(f"pygount counts {planted} in the file planted by Assay")
        return Parsed(coverage(given, reached, reasons), metrics=_metrics(totals))


def _metrics(totals: dict[str, Counter[str]]) -> tuple[Metric, ...]:
    whole = sum((Counter(counts) for counts in totals.values()), Counter[str]())
    named = [("", whole), *sorted(totals.items())]
    return tuple(
        Metric(name=name, value=counts[name], unit="count", target=language)
        for language, counts in named
        for name in ("files", "lines_of_code", "lines_of_comment")
    )
