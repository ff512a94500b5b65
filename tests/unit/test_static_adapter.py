"""What all static adapters share: whose files they measure, and what they say of the others."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzers.runtime.reasons import built, vendored
from analyzers.runtime.tool import (
    Canary,
    Command,
    Completed,
    NotApplicable,
    Parsed,
    SourceTree,
    ToolFault,
)
from analyzers.static.adapter import CommandTool, Lines, coverage, relative
from analyzers.static.tools.container_files import ContainerFiles
from analyzers.static.tools.hadolint import Hadolint
from tests.support.static_run import make_run

TOO_LARGE = "larger than 5 MiB"


class Reader(CommandTool):
    name = "reader"
    file_kind = "Python"
    suffixes = (".py",)
    canary = Canary()

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        return ("reader", ".")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        known = frozenset(given)
        return Parsed(coverage(given, [relative(name, known) for name in raw.decode().split()]))


async def read(tmp_path: Path, files: Sequence[str], left_out: dict[str, str]) -> Parsed:
    """Run `Reader` on an app; its process names every file by its absolute path."""
    app, workspace = tmp_path / "app", tmp_path / "work"
    app.mkdir()
    for name in files:
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("X = 1")

    async def execute(command: Command) -> Completed:
        copies = sorted(str(path) for path in (workspace / "src").rglob("*.py"))
        return Completed(command.argv, 0, "\n".join(copies).encode(), b"", b"", 0.1)

    source = SourceTree(app, tuple(files), tuple(left_out.items()))
    return await Reader().run(make_run(source, workspace), execute)


async def test_absolute_paths_of_the_copy_become_the_apps_own(tmp_path: Path):
    parsed = await read(tmp_path, ["a.py", "src/a.py", "src/src/a.py"], {})

    assert (parsed.coverage.reached, parsed.coverage.given) == (3, 3)


@pytest.mark.parametrize("path", ["/x/src/a.py", "../a.py", "x/a.py"])
def test_a_path_that_only_ends_like_a_file_is_a_fault(path: str):
    with pytest.raises(ToolFault, match="not given"):
        relative(path, frozenset({"a.py", "src/a.py"}))


async def test_files_withheld_from_every_tool_are_given_and_skipped(tmp_path: Path):
    left_out = {"big.py": TOO_LARGE, "deep/": "nested deeper than 40 folders", "big.js": TOO_LARGE}

    parsed = await read(tmp_path, ["a.py"], left_out | {"node_modules/": vendored()})

    covered = parsed.coverage
    assert (covered.reached, covered.given, covered.skipped_total) == (1, 3, 2)
    assert {item.what for item in covered.skipped} == {"big.py", "deep/"}


@pytest.mark.parametrize("withheld", [{"app.py": TOO_LARGE}, {"deep/": "unreadable: no"}])
async def test_an_app_whose_files_are_all_withheld_is_not_measured(
    withheld: dict[str, str], tmp_path: Path
):
    with pytest.raises(ToolFault, match="no Python files could be read: "):
        await read(tmp_path, [], withheld)


@pytest.mark.parametrize(
    "left_out", [{}, {"app.js": TOO_LARGE}, {"venv/": vendored()}, {"a.py": built()}]
)
async def test_an_app_without_files_of_its_own_is_not_applicable(
    left_out: dict[str, str], tmp_path: Path
):
    with pytest.raises(NotApplicable, match="no Python files"):
        await read(tmp_path, [], left_out)


def test_both_readers_of_dockerfiles_take_the_same_ones():
    names = ("Dockerfile", "api/Dockerfile.prod", "web.Dockerfile", "db.dockerfile", "Dockerfiles")

    assert ContainerFiles().select(names) == Hadolint().select(names) == names[:4]
