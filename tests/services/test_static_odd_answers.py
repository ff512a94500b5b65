"""The static tools as real processes where they die, cut a report short or look away."""

from pathlib import Path

import pytest

from tests.services.test_static_input import measured, places, skipped

UNKNOWN = "print(nme)\n"
LIZARD_DIES = (
    "function\ninterface A { f(): void; [k: string]: any }\n"
    "function f<T>(this: X, ...a: T[]): asserts a is B { if (x) return }\n"
    "`${\ndeclare module 'x' { export function y(): void }\n"
)
MANY = "".join(f"if (x === {n}) return {n};\n" for n in range(20))


@pytest.mark.parametrize("path", ["dies.ts", "src/dies.mjs", "dies.js"])
async def test_what_ends_lizard_costs_that_file(path: str, tmp_path: Path):
    files: dict[str, str | bytes] = {
        f"m{n}.ts": f"export function f{n}(x: number) {{\n{MANY}}}\n" for n in range(5)
    }

    parsed = await measured("lizard", {path: LIZARD_DIES, **files}, tmp_path)

    assert list(skipped(parsed)) == [path]
    assert len(parsed.findings) == 5


async def test_pylint_reads_below_folders_without_init_and_files_of_one_name(tmp_path: Path):
    names = (
        *("pkg/__init__.py", "pkg/scripts/run.py", "pkg/sub/deep/util.py", "other/util.py"),
        *("util.py", "pkg/util.py", "pkg/util/__init__.py", "two.words/my-file.py", "json.py"),
    )

    parsed = await measured("pylint", dict.fromkeys(names, UNKNOWN), tmp_path)

    assert {where for rule, where, _ in places(parsed) if rule == "undefined-variable"} == set(
        names
    )
    assert parsed.coverage.reached == len(names)


async def test_pylints_remarks_on_pragmas_end_nothing(tmp_path: Path):
    pragmas = {
        "a.py": "# pylint : disable=all",
        "b.py": "#pylint:disable-msg=W0611",
        "c.py": "# pylint: disable=C0111",
        "d.py": "# PYLINT: x",
    }
    files: dict[str, str | bytes] = {
        path: f"{pragma}\n{UNKNOWN}" for path, pragma in pragmas.items()
    }

    parsed = await measured("pylint", files, tmp_path)

    assert {("undefined-variable", path, 2) for path in pragmas} <= places(parsed)


async def test_a_long_report_on_pages_is_read_whole(tmp_path: Path):
    page = (
        "<!DOCTYPE html>\n<html><head></head><body>" + "<b></i></b>\n" * 4_000 + "</body></html>\n"
    )

    parsed = await measured("html-validate", {"a.html": page, "[id].html": page}, tmp_path)

    by_file = [item.location.path for item in parsed.findings]
    assert by_file.count("a.html") == by_file.count("[id].html") > 4_000


@pytest.mark.parametrize("tool", ["html-validate", "stylelint", "mypy", "eslint", "jscpd"])
async def test_folders_that_begin_with_a_dot_are_read_or_named(tool: str, tmp_path: Path):
    suffix = {"html-validate": "html", "stylelint": "css", "mypy": "py"}.get(tool, "js")
    flawed = {
        "html": "<!DOCTYPE html>\n<html><head></head><body><b></i></body></html>\n",
        "css": "a { colr: red; }\n",
        "py": "X: int = ''\n",
        "js": "eval(x);\n" + "const a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];\n" * 20,
    }[suffix]
    files: dict[str, str | bytes] = {f"a.{suffix}": flawed, f".hidden/b.{suffix}": flawed}

    parsed = await measured(tool, files, tmp_path)

    seen = {item.location.path for item in parsed.findings} | skipped(parsed).keys()
    if tool == "jscpd":
        assert "2 of 2 files" in parsed.notes[0]
    else:
        assert seen == set(files)
