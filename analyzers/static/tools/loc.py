"""pygount: lines of code, comments and blanks by language; and what the app's tree left out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Lines,
    coverage,
    first_version,
    load_json,
    relative,
)
from contract.analysis import Metric

_NO_GIT = {"GIT_PYTHON_REFRESH": "quiet"}
_COUNTED = frozenset({"analyzed", "duplicate", "empty"})
_LOCK_FILES = frozenset(
    {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock"}
)


class Loc(CommandTool):
    """Adapter for `pygount --format=json`."""

    name = "pygount"
    what = "text"
    suffixes = ("",)
    canary = Canary(files={"app.py": "# one comment\nVALUE = 1\n"})

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """All but lock files, which nobody wrote."""
        return tuple(name for name in files if name.rpartition("/")[2] not in _LOCK_FILES)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Nothing is left out a second time: the list of files is the runtime's."""
        return (
            *(*self.program(tools_dir), "--format", "json", "--duplicates"),
            *("--folders-to-skip", "[none]", "--names-to-skip", "[none]"),
            *("--generated", "[regex](?!)", "--out", str(workspace / "loc.json"), "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """The report goes to a file; without git on the host it would not even start."""
        argv = self.argv(tools_dir, workspace)
        return Command(argv, cwd=workspace / "src", env=_NO_GIT, output=workspace / "loc.json")

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """As it reports it."""
        argv = (*self.program(run.tools_dir), *self.version_argv)
        done = await execute(Command(argv, cwd=run.workspace, env=_NO_GIT, limit_s=60))
        return first_version(done.stdout, self.name)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Add how many files of the tree were left out, by reason."""
        parsed = await super().run(run, execute)
        reasons = Counter(reason for _, reason in run.source.left_out)
        left_out = tuple(
            Metric(name="files_left_out", value=count, unit="count", target=reason)
            for reason, count in sorted(reasons.items())
        )
        return Parsed(parsed.coverage, metrics=(*parsed.metrics, *left_out))

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Files it could not classify (binary, unknown) are skipped, each with its state."""
        known = frozenset(given)
        totals: dict[str, Counter[str]] = {}
        reasons: dict[str, str] = {}
        reached: list[str] = []
        for item in load_json(raw, self.name)["files"]:
            path = relative(item["path"], known)
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
        return Parsed(coverage(given, reached, reasons), metrics=_metrics(totals))


def _metrics(totals: dict[str, Counter[str]]) -> tuple[Metric, ...]:
    whole = sum((Counter(counts) for counts in totals.values()), Counter[str]())
    named = [("", whole), *sorted(totals.items())]
    return tuple(
        Metric(name=name, value=counts[name], unit="count", target=language)
        for language, counts in named
        for name in ("files", "lines_of_code", "lines_of_comment")
    )
