"""A file a tool fails on, or does not get through, is told apart from the others and named."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from analyzers.runtime.reasons import Reason, broken, vendored
from analyzers.runtime.tool import (
    Command,
    Completed,
    Execute,
    HostFault,
    NotApplicable,
    Parsed,
    SlowTool,
    SourceTree,
    ToolFault,
    ToolRun,
)
from analyzers.static.isolate import HEAVY_BYTES, measured_apart
from analyzers.static.reading import coverage
from analyzers.static.syntax import explained, refusal
from contract.analysis import Coverage, Metric, SkipCause, Skipped
from tests.support.static_run import make_run

Fails = Callable[[frozenset[str]], Exception | None]
FLAWED: dict[str, list[object]] = {}


async def execute(command: Command) -> Completed:
    """Stands for the parse probes: nothing is broken but what a test says is."""
    python = "-c" in command.argv
    report = json.dumps([[3, 13], FLAWED] if python else {}).encode()
    return Completed(command.argv, 0, report, b"", b"", 0.1)


def source(root: Path, names: Sequence[str], heavy: Sequence[str] = ()) -> SourceTree:
    for name in names:
        (root / name).write_bytes(b"x" * (HEAVY_BYTES + 1 if name in heavy else 9))
    return SourceTree(root, tuple(names))


class Tool:
    """Fails as `fails` says; remembers what it was asked to measure."""

    def __init__(self, fails: Fails) -> None:
        self.fails = fails
        self.asked: list[tuple[str, ...]] = []

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        self.asked.append(tuple(given))
        if error := self.fails(frozenset(given)):
            raise error
        count = Metric(name="files", value=len(given), unit="count")
        return Parsed(coverage(given, given), metrics=(count,))


async def apart(fails: Fails, tree: SourceTree, work: Path) -> tuple[Parsed, Tool]:
    tool = Tool(fails)
    run = make_run(tree, work)
    return await measured_apart(tool.measure, run, tree.files, execute, depth=99), tool


def skipped(parsed: Parsed) -> dict[str, str]:
    return {one.what: one.reason for one in parsed.coverage.skipped}


NAMES = tuple(f"f{number:02}.ts" for number in range(20))


@pytest.mark.parametrize(
    "culprits", [{"f07.ts"}, {"f00.ts"}, {"f19.ts"}, {"f03.ts", "f04.ts", "f15.ts"}]
)
@pytest.mark.parametrize("error", [ToolFault("it crashed"), IndexError("list index")])
async def test_every_culprit_is_named_and_the_others_are_measured_together(
    culprits: set[str], error: Exception, tmp_path: Path
):
    parsed, _ = await apart(
        lambda given: error if given & culprits else None, source(tmp_path, NAMES), tmp_path
    )

    assert skipped(parsed).keys() == culprits
    assert all(str(error) in why for why in skipped(parsed).values())
    assert parsed.metrics[0].value == len(NAMES) - len(culprits)
    assert (parsed.coverage.given, parsed.coverage.reached) == (20, 20 - len(culprits))


async def test_two_files_it_only_fails_on_together_cost_one_of_them(tmp_path: Path):
    pair = {"f02.ts", "f17.ts"}

    parsed, _ = await apart(
        lambda given: ToolFault("twice") if pair <= given else None,
        source(tmp_path, NAMES),
        tmp_path,
    )

    assert list(skipped(parsed)) == ["f17.ts"]
    assert parsed.coverage.reached == 19


async def test_a_fault_of_the_host_blames_no_file(tmp_path: Path):
    with pytest.raises(HostFault, match="not installed"):
        await apart(lambda _: HostFault("not installed"), source(tmp_path, NAMES), tmp_path)


async def test_a_tool_that_fails_on_everything_is_at_fault_itself(tmp_path: Path):
    tool = Tool(lambda _: ToolFault("broken"))
    tree = source(tmp_path, NAMES)
    with pytest.raises(ToolFault, match="broken") as fault:
        await measured_apart(tool.measure, make_run(tree, tmp_path), NAMES, execute, depth=99)
    assert fault.value.row == "tool-failed"
    assert len(tool.asked) <= 42


async def test_a_large_file_it_does_not_get_through_is_tried_alone_and_named(tmp_path: Path):
    tree = source(tmp_path, NAMES, heavy=("f05.ts", "f06.ts"))

    parsed, tool = await apart(
        lambda given: SlowTool("no end") if "f05.ts" in given else None, tree, tmp_path
    )

    assert list(skipped(parsed)) == ["f05.ts"]
    assert "0.3 MiB" in skipped(parsed)["f05.ts"]
    assert parsed.fresh_for is not None  # a calmer host may get through it
    assert sum("f05.ts" in asked for asked in tool.asked) == 1


async def test_after_some_slow_files_larger_ones_are_not_tried(tmp_path: Path):
    heavy = NAMES[:6]

    parsed, tool = await apart(
        lambda given: SlowTool("no end") if given & set(heavy) else None,
        source(tmp_path, NAMES, heavy=heavy),
        tmp_path,
    )

    assert skipped(parsed).keys() == set(heavy)
    assert len(tool.asked) == 4


async def test_files_that_do_not_parse_are_left_out_before_anything_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ("a.py", "b.py", "c.py")
    monkeypatch.setitem(FLAWED, "b.py", [3, "nested 999 deep", "deep"])

    parsed, tool = await apart(
        lambda given: ToolFault("it died") if "b.py" in given else None,
        source(tmp_path, names),
        tmp_path,
    )

    assert skipped(parsed) == {"b.py": "nested 999 deep"}
    assert tool.asked == [names, ("a.py", "c.py")]


@pytest.mark.parametrize(
    ("reasons", "kind", "text", "row"),
    [
        (
            {"a.py": broken("line 3: invalid syntax")},
            NotApplicable,
            "a.py: syntax error",
            "source-broken",
        ),
        (
            {"a.py": broken("Python 2 source: line 1: x")},
            NotApplicable,
            "can be parsed",
            "source-broken",
        ),
        (
            {
                "a.py": Reason("NUL bytes in its text", SkipCause.BROKEN),
                "b.py": Reason("generated", SkipCause.GENERATED),
            },
            NotApplicable,
            "can be parsed",
            "source-broken",
        ),
        ({"vendor/": vendored("Go's packages")}, NotApplicable, "no Python files", ""),
        ({"a.ipynb": Reason("a notebook", SkipCause.OTHER_FORM)}, NotApplicable, "no Python", ""),
        ({"a.py": "syntax error: x"}, ToolFault, "could be read", "source-unread"),
        (
            {"a.py": "newer syntax than this parser reads: line 1"},
            ToolFault,
            "could be read",
            "source-unread",
        ),
        ({"a.py": "larger than 5 MiB"}, ToolFault, "could be read", "source-unread"),
        (
            {"a.py": broken("x"), "b.py": "it crashed"},
            ToolFault,
            "read: b.py: it crashed",
            "source-unread",
        ),
    ],
)
def test_who_is_at_fault_where_nothing_could_be_read(
    reasons: dict[str, str], kind: type[Exception], text: str, row: str
):
    fault = refusal("Python", reasons)

    assert type(fault) is kind
    assert text in str(fault)
    assert fault.row == row
    if isinstance(fault, NotApplicable):
        assert fault.coverage
        assert {one.what for one in fault.coverage.skipped} == set(reasons)


async def test_a_newer_syntax_is_no_fault_of_the_app(tmp_path: Path):
    tree = source(tmp_path, ("a.ts",))
    parsed = Parsed(
        Coverage(
            unit="files",
            given=1,
            reached=0,
            skipped=(Skipped(what="a.ts", reason="Parsing error"),),
            skipped_total=1,
        )
    )

    async def newer(command: Command) -> Completed:
        report = json.dumps({"a.ts": {"line": 2, "message": "|>", "kind": "newer"}}).encode()
        return Completed(command.argv, 0, report, b"", b"", 0.1)

    with pytest.raises(ToolFault, match="newer syntax than this parser reads: line 2"):
        await explained("TypeScript", make_run(tree, tmp_path), ("a.ts",), parsed, newer)
