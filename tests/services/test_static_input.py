"""The static tools as real processes on what apps do to them: suppressions, names, bad files."""

from pathlib import Path
from typing import NamedTuple

import pytest

from analyzers.runtime.tool import Parsed
from analyzers.static.tools import TOOLS
from tests.support.static_run import measure

DEEP = "X = " + "+".join(["1"] * 50_000) + "\n"
DEAD = "def used():\n    return 1\n    print('never')\n\n\nused()\n"
MANY = "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))


async def measured(name: str, files: dict[str, str | bytes], tmp_path: Path) -> Parsed:
    app, workspace = tmp_path / "app", tmp_path / "work"
    workspace.mkdir()
    for path, content in files.items():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return await measure(next(tool for tool in TOOLS if tool.name == name), app, workspace)


def places(parsed: Parsed) -> set[tuple[str, str | None, int | None]]:
    return {(item.rule_id, item.location.path, item.location.line) for item in parsed.findings}


def skipped(parsed: Parsed) -> dict[str, str]:
    return {item.what: item.reason for item in parsed.coverage.skipped}


class Hidden(NamedTuple):
    tool: str
    path: str
    text: str
    seen: tuple[str, int]


@pytest.mark.parametrize(
    "case",
    [
        Hidden("pylint", "a.py", "# pylint: skip-file\nprint(nme)\n", ("undefined-variable", 2)),
        Hidden("pylint", "a.py", "print(nme)  # pylint: disable=all\n", ("undefined-variable", 1)),
        Hidden("mypy", "a.py", "# mypy: ignore-errors\nX: int = ''\n", ("assignment", 2)),
        Hidden("mypy", "a.py", "X: int = ''  # type: ignore\n", ("assignment", 1)),
        Hidden("vulture", "a.py", "def f():  # noqa\n    pass\n", ("unused-function", 1)),
        Hidden(
            "lizard",
            "a.py",
            f"def f(x):  # lizard forgives\n{MANY}",
            ("cyclomatic-complexity", 1),
        ),
        Hidden(
            "lizard",
            "a.js",
            "// #lizard forgives\nfunction f(x) { "
            + "".join(f"if (x === {n}) return {n};" for n in range(20))
            + "}\n",
            ("cyclomatic-complexity", 2),
        ),
        Hidden(
            "html-validate",
            "a.html",
            "<!DOCTYPE html>\n<!-- [html-validate-disable close-order] -->\n"
            "<html><head></head><body><b></i></body></html>\n",
            ("close-order", 3),
        ),
        Hidden("ruff", "a.py", "# ruff: noqa\nimport os  # noqa\n", ("F401", 2)),
        Hidden("bandit", "a.py", "import pickle\npickle.loads(b'')  # nosec\n", ("B301", 2)),
        Hidden("eslint", "a.js", "/* eslint-disable */\neval(x);\n", ("no-eval", 2)),
        Hidden(
            "stylelint",
            "a.css",
            "/* stylelint-disable */\na{colr:red}\n",
            ("property-no-unknown", 2),
        ),
        Hidden(
            "hadolint",
            "Dockerfile",
            "FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo x\n",
            ("DL3004", 3),
        ),
        Hidden(
            "detect-secrets",
            "a.txt",
            "k = AKIA" + "QYLPMN5HHHFPZAM2  # pragma: allowlist secret\n",
            ("AWS Access Key", 1),
        ),
    ],
    ids=lambda case: f"{case.tool}-{case.path}",
)
async def test_what_an_app_suppresses_is_found_all_the_same(case: Hidden, tmp_path: Path):
    parsed = await measured(case.tool, {case.path: case.text}, tmp_path)

    rule, line = case.seen
    assert (rule, case.path, line) in places(parsed)


@pytest.mark.parametrize(
    ("tool", "name", "bad", "good"),
    [
        ("eslint", "index.js", "eval(x);\n", "export {};\n"),
        ("stylelint", "a.css", "a { colr: red; }\n", "a { color: red; }\n"),
        ("ruff", "a.py", "print(x)\n", "print(1)\n"),
    ],
)
async def test_a_finding_stays_in_its_own_file(
    tool: str, name: str, bad: str, good: str, tmp_path: Path
):
    files: dict[str, str | bytes] = {name: bad, f"src/{name}": good, f"src/src/{name}": good}

    parsed = await measured(tool, files, tmp_path)

    assert {item.location.path for item in parsed.findings} == {name}


@pytest.mark.parametrize("tool", ["ruff", "vulture", "mypy", "bandit", "pylint"])
async def test_a_file_that_nests_too_deep_is_named_and_harms_no_other(tool: str, tmp_path: Path):
    files: dict[str, str | bytes] = {
        "deep.py": DEEP,
        "other.py": DEAD + "import os\nprint(nme)\nX: int = ''\n",
    }

    parsed = await measured(tool, files, tmp_path)

    assert list(skipped(parsed)) == ["deep.py"]
    assert (parsed.coverage.given, parsed.coverage.reached) == (2, 1)
    if tool != "bandit":
        assert {item.location.path for item in parsed.findings} == {"other.py"}


async def test_a_doubtful_escape_does_not_end_vulture(tmp_path: Path):
    parsed = await measured("vulture", {"a.py": 'A = "\\d"\nprint(A)\n' + DEAD}, tmp_path)

    assert ("unreachable-code", "a.py", 5) in places(parsed)
    assert parsed.coverage.reached == 1


async def test_a_root_module_named_like_pythons_own_does_not_end_mypy(tmp_path: Path):
    files: dict[str, str | bytes] = {"types.py": "X = 1\n", "app.py": "Y: int = ''\n"}

    parsed = await measured("mypy", files, tmp_path)

    assert list(skipped(parsed)) == ["types.py"]
    assert ("assignment", "app.py", 1) in places(parsed)


async def test_secrets_are_found_in_latin_1(tmp_path: Path):
    text = "# caf\xe9\naws = AKIA" + "QYLPMN5HHHFPZAM2\n"

    parsed = await measured("detect-secrets", {"conf.txt": text.encode("latin-1")}, tmp_path)

    assert ("AWS Access Key", "conf.txt", 2) in places(parsed)


async def test_pages_are_read_by_either_suffix(tmp_path: Path):
    page = "<!DOCTYPE html>\n<html><head></head><body><b></i></body></html>\n"

    parsed = await measured("html-validate", {"a.htm": page, "b.html": page}, tmp_path)

    assert {item.location.path for item in parsed.findings} == {"a.htm", "b.html"}


async def test_complexity_of_module_typescript_is_measured(tmp_path: Path):
    body = "".join(f"if (x === {n}) return {n};\n" for n in range(20))
    files: dict[str, str | bytes] = {
        "src/a.mts": f"export function f(x: number) {{\n{body}}}\n",
        "src/a.mts.ts": "export const X = 1;\n",
    }

    parsed = await measured("lizard", files, tmp_path)

    assert [item.location.path for item in parsed.findings] == ["src/a.mts"]


async def test_copied_libraries_and_lock_files_are_held_against_the_database(tmp_path: Path):
    lock = '{"packages": {"": {}, "node_modules/lodash": {"version": "4.17.4"}}}'
    files: dict[str, str | bytes] = {
        "static/vendor/jquery-1.8.1.js": "/*! jQuery v1.8.1 jquery.com */\n",
        "package.json": '{"dependencies": {"lodash": "latest"}}',
        "package-lock.json": lock,
    }

    parsed = await measured("retire", files, tmp_path)

    assert {item.location.path for item in parsed.findings} == {
        "static/vendor/jquery-1.8.1.js",
        "package.json",
    }
    assert all("4.17.4" in f.message for f in parsed.findings if f.location.path == "package.json")
    assert skipped(parsed) == {}


async def test_an_inventory_counts_only_what_it_names_exactly(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "requirements.txt": "flask==3.0.0\nrequests>=2\ngit+https://example.org/x.git\n",
        "web/package.json": "not json",
    }

    parsed = await measured("cyclonedx-bom", files, tmp_path)

    assert (parsed.coverage.reached, parsed.coverage.given) == (1, 4)
    assert "could not be read" in skipped(parsed)["web/package.json"]


async def test_a_page_that_crashes_the_tool_is_named_and_harms_no_other(tmp_path: Path):
    page = "<!DOCTYPE html>\n<html><head></head><body><b></i></body></html>\n"
    files: dict[str, str | bytes] = {"a.html": page, "deep.html": "<b>" * 20_000}

    parsed = await measured("html-validate", files, tmp_path)

    assert list(skipped(parsed)) == ["deep.html"]
    assert skipped(parsed)["deep.html"].startswith("the tool failed on it: ")
    assert ("close-order", "a.html", 2) in places(parsed)


async def test_deep_yaml_does_not_end_the_search_for_secrets(tmp_path: Path):
    secret = "aws: AKIA" + "QYLPMN5HHHFPZAM2\n"

    parsed = await measured("detect-secrets", {"a.yml": secret, "b.yml": "[" * 5_000}, tmp_path)

    assert list(skipped(parsed)) == ["b.yml"]
    assert ("AWS Access Key", "a.yml", 1) in places(parsed)


@pytest.mark.parametrize("tool", ["ruff", "vulture", "mypy"])
async def test_a_name_with_a_line_break_harms_no_other(tool: str, tmp_path: Path):
    files: dict[str, str | bytes] = {"a\nb.py": "X = 1\n", "c.py": "import os\nX: int = ''\n"}

    parsed = await measured(tool, files, tmp_path)

    assert skipped(parsed) == {"a\nb.py": "a line break in its name"}
    assert {item.location.path for item in parsed.findings} == {"c.py"}


async def test_an_endless_line_does_not_stall_the_taint_engine(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "long.ts": "let x = " + "+".join(["1"] * 30_000) + ";\n",
        "a.ts": "export function f(req: any) {\n  eval(req.query.code);\n}\n",
    }

    parsed = await measured("opengrep", files, tmp_path)

    assert list(skipped(parsed)) == ["long.ts"]
    assert ("javascript-code-injection", "a.ts", 2) in places(parsed)


async def test_an_app_too_small_for_duplicates_is_measured(tmp_path: Path):
    parsed = await measured("jscpd", {"a.py": "print(1)\n"}, tmp_path)

    assert (parsed.coverage.reached, parsed.findings) == (1, ())
    assert {metric.name: metric.value for metric in parsed.metrics}["duplication"] == 0
