"""The static tools as real processes on sources that are broken, too old, too new, or odd."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from analyzers.runtime.tool import NotApplicable, Parsed, ToolFault
from analyzers.static.tools import TOOLS
from contract.analysis import Category
from tests.services.test_static_input import measured, places, skipped
from tests.support.cases import case_app
from tests.support.merged_cases import merged, part
from tests.support.static_run import measure, measure_tree

PYTHON = ("bandit", "ruff", "pylint", "mypy", "vulture", "opengrep")
SCRIPTS = ("eslint", "opengrep")
FENCED = "```python\nimport pickle\nprint(pickle.loads(b''))\n```\n"
TRUNCATED_CSS = "a { color: red; }\nb { color: bl"
HALF = "const a = 1;\nfunction f( {\n"


OnCase = Callable[[str, str], Awaitable[Parsed]]
# A case about the app's own folders, and mypy, which names modules by them, have a run each.
TOGETHER = ("24", "26", "29", "30")


@pytest.fixture(scope="module")
def on_case(tmp_path_factory: pytest.TempPathFactory) -> OnCase:
    """What a tool makes of a case; it starts once for all that can be one tree."""
    done: dict[tuple[str, ...], Parsed] = {}

    async def on_case(name: str, case: str) -> Parsed:
        cases = TOGETHER if case in TOGETHER and name != "mypy" else (case,)
        if (name, *cases) not in done:
            tool = next(tool for tool in TOOLS if tool.name == name)
            workspace = tmp_path_factory.mktemp(name)
            done[name, *cases] = await (
                measure_tree(tool, merged(cases), workspace)
                if cases is TOGETHER
                else measure(tool, case_app(case), workspace)
            )
        parsed = done[name, *cases]
        return part(parsed, case) if cases is TOGETHER else parsed

    return on_case


BROKEN: list[tuple[str, str | bytes, int, str]] = [
    ("app.py", FENCED, 1, "Python syntax error: a Markdown code fence"),
    ("app.py", "Here is the code:\n" + FENCED, 1, "Python syntax error: invalid syntax"),
    ("app.py", "x = 1\ndef f(:\n", 2, "Python syntax error: invalid syntax"),
    ("app.py", 'x = 1\nprint "x"\n', 2, "Python 2 source, which Python 3 does not run"),
    ("app.py", "try:\n    f()\nexcept IOError, e:\n    g(e)\n", 3, "Python 2 source"),
    ("app.py", "import os\nos.chmod('a', 0755)\n", 2, "Python 2 source"),
    ("app.py", "x = 10L\n", 1, "Python 2 source"),
    ("app.py", b"x = 1\ny = 'a\0b'\n", 1, "NUL bytes"),
    ("app.py", b"x = 1\ny = '\xe9'\n", 2, "codec can't decode"),
    ("app.py", "print(1)\n".encode("utf-16"), 1, "UTF-16"),
    ("app.js", "```js\nconst a = eval(b);\n```\n", 1, "JavaScript syntax error: a Markdown"),
    ("app.js", HALF, 3, "JavaScript syntax error: Unexpected token"),
    ("app.jsx", "const a = <p>{x}</b>;\n", 1, "JavaScript syntax error"),
    ("app.ts", "const a: number = 1;\nclass A {\n", 3, "TypeScript syntax error"),
    ("app.css", TRUNCATED_CSS, 2, "CSS syntax error: Unclosed block"),
    ("data.json", '{"a": 1,\n "b": }\n', 2, "JSON syntax error"),
]
TOMORROWS: list[tuple[str, str | bytes]] = [
    ("app.py", "x = t'a {1}'\n"),  # Python 3.14
    ("app.py", "try:\n    f()\nexcept A, B:\n    g()\n"),
    ("app.js", "@decorated class A {}\n"),  # a proposal
    ("app.js", "// @flow\ntype A = {| a: number |};\n"),
]
READ_BY_OTHERS: list[tuple[str, str | bytes]] = [
    ("app.js", "{% if x %}\nvar a = {{ user.id }};\n{% endif %}\n"),
    ("app.css", "a { color: {{ theme.colour }; }\n{% endif %}\n"),
    ("tsconfig.json", '// notes\n{"compilerOptions": {},}\n'),
    ("rows.json", '{"a": 1}\n{"a": 2}\n'),
    ("old.js", 'if (x) { return; }\nfs.mkdir("a", 0755);\nwith (a) { b(); }\n'),
    ("page.js", "\ufeffvar a = 1;\n".encode("utf-16-le")),
]


def laid(kind: str, number: int, path: str) -> str:
    """Where a file lies in the one tree of all: none has another in its folder."""
    return f"{kind}{number}/{path}"


@pytest.fixture(scope="module")
async def syntax(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """What the check of syntax makes of all of them, and of a sound file, in one run."""
    files: dict[str, str | bytes] = {"sound.py": "X = 1\n"}
    kinds = {"broken": BROKEN, "tomorrow": TOMORROWS, "others": READ_BY_OTHERS}
    for kind, ones in kinds.items():
        files |= {laid(kind, n, one[0]): one[1] for n, one in enumerate(ones)}
    return await measured("syntax", files, tmp_path_factory.mktemp("syntax"))


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=lambda n: repr(BROKEN[n][1])[:20])
def test_a_broken_file_is_one_finding_with_its_line(number: int, syntax: Parsed):
    path, _, line, message = BROKEN[number]
    where = laid("broken", number, path)

    (found,) = [one for one in syntax.findings if one.location.path == where]
    assert (found.rule_id, found.location.line) == ("syntax-error", line)
    assert message in found.message
    assert found.category is Category.QUALITY


@pytest.mark.parametrize("number", range(len(TOMORROWS)))
def test_syntax_of_tomorrow_is_skipped(number: int, syntax: Parsed):
    where = laid("tomorrow", number, TOMORROWS[number][0])

    assert skipped(syntax)[where].startswith("newer syntax than this parser reads")


def test_what_is_new_or_read_by_others_is_no_finding_and_all_else_was_read(syntax: Parsed):
    assert len(syntax.findings) == len(BROKEN)
    assert {(one.location.path or "")[:6] for one in syntax.findings} == {"broken"}
    assert len(skipped(syntax)) == len(TOMORROWS)
    assert syntax.coverage.reached == 1 + len(BROKEN) + len(READ_BY_OTHERS)


@pytest.mark.parametrize(
    ("tool", "content", "why"),
    [
        *((tool, FENCED, "app.py: syntax error: line 1: a Markdown code fence") for tool in PYTHON),
        *(
            (tool, 'x = 1\nprint "x"\n', "app.py: syntax error: Python 2 source: line 2: Missing")
            for tool in PYTHON
            if tool != "opengrep"  # its parser takes both
        ),
    ],
)
async def test_where_all_python_is_broken_the_reason_names_file_and_line(
    tool: str, content: str, why: str, tmp_path: Path
):
    with pytest.raises(NotApplicable, match=r"no .* file that can be parsed") as nothing:
        await measured(tool, {"app.py": content}, tmp_path)

    assert why in str(nothing.value)
    assert nothing.value.coverage
    assert [one.what for one in nothing.value.coverage.skipped] == ["app.py"]


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        ("stylelint", {"a.css": TRUNCATED_CSS}),
        ("eslint", {"app.js": HALF}),
        ("opengrep", {"app.js": HALF}),
        ("hadolint", {"Dockerfile": "```dockerfile\nFROM x\n```\n"}),
        ("html-validate", {"a.html": "{% extends 'x' %}\n"}),
    ],
)
async def test_a_tool_whose_files_are_all_broken_did_not_fail(
    tool: str, files: dict[str, str | bytes], tmp_path: Path
):
    with pytest.raises(NotApplicable, match="can be parsed"):
        await measured(tool, files, tmp_path)


@pytest.mark.parametrize("tool", ["bandit", "pylint", "mypy", "vulture"])
async def test_newer_python_is_our_gap_and_not_the_apps_fault(tool: str, tmp_path: Path):
    with pytest.raises(ToolFault, match="newer syntax than this parser reads"):
        await measured(tool, {"app.py": "x = t'a'\n"}, tmp_path)


async def test_ruff_reads_newer_python_all_the_same(tmp_path: Path):
    parsed = await measured("ruff", {"app.py": "import os\nx = t'a'\n"}, tmp_path)

    assert parsed.coverage.reached == 1
    assert ("F401", "app.py", 1) in places(parsed)


@pytest.mark.parametrize("tool", [*PYTHON, "lizard", "detect-secrets"])
async def test_case_29_each_file_that_is_not_read_is_named(tool: str, on_case: OnCase):
    parsed = await on_case(tool, "29")

    named = skipped(parsed)
    if tool in PYTHON:
        assert {"legacy.py", "nul.py", "utf16.py", "notes.ipynb"} <= named.keys()
        assert "Python 2 source: line 3" in named["legacy.py"]
    assert "app.py" not in named
    if tool == "bandit":
        assert ("B301", "app.py", 19) in places(parsed)


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ("26", "server.js"),
        ("30", "src/ctl.ts"),
        ("30", "src/App.vue"),
        ("30", "src/Card.svelte"),
        ("30", "src/Main.astro"),
    ],
)
async def test_eval_is_seen_in_old_scripts_and_in_components(case: str, path: str, on_case: OnCase):
    parsed = await on_case("eslint", case)

    assert any(rule == "no-eval" and where == path for rule, where, _ in places(parsed))


@pytest.mark.parametrize("tool", ["opengrep", "lizard", "jscpd", "retire"])
async def test_components_a_tool_does_not_read_are_named(tool: str, on_case: OnCase):
    parsed = await on_case(tool, "30")

    assert {"src/Card.svelte", "src/Main.astro"} <= skipped(parsed).keys()


async def test_a_component_keeps_its_lines_and_its_markup_accuses_nobody(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "a.vue": '<template>\n  <b>{{ n }}</b>\n</template>\n<script setup lang="ts">\n'
        "const n: number = 1;\neval(n);\n</script>\n",
        "b.svelte": "<script>\n  let n = 1;\n  $: m = n * 2;\n</script>\n<b>{m}</b>\n",
        "c.vue": '<script type="application/ld+json">{"a": 1}</script>\n<p/>\n',
        "d.astro": "---\nconst { a } = Astro.props;\nif (!a) return;\n---\n<p>{a}</p>\n",
    }

    parsed = await measured("eslint", files, tmp_path)

    rules = {(rule, where, line) for rule, where, line in places(parsed) if where != "d.astro"}
    assert rules == {
        ("no-eval", "a.vue", 6),
        ("security/detect-eval-with-expression", "a.vue", 6),
    }
    assert parsed.coverage.reached == 4


@pytest.mark.parametrize(
    ("tool", "seen"),
    [
        ("bandit", {"vendor/views.py", "env/settings.py", "coverage/quotes.py", "build/steps.py"}),
        ("ruff", {"vendor/views.py", "env/settings.py", "coverage/quotes.py", "build/steps.py"}),
        ("detect-secrets", {"env/settings.py"}),
        ("opengrep", set[str]()),
        ("pylint", {"coverage/quotes.py"}),
        ("mypy", set[str]()),
    ],
)
async def test_case_32_own_folders_are_looked_at(tool: str, seen: set[str], on_case: OnCase):
    parsed = await on_case(tool, "32")

    assert seen <= {where for _, where, _ in places(parsed)}
    assert (parsed.coverage.reached, skipped(parsed)) == (parsed.coverage.given, {})


@pytest.mark.parametrize(
    ("tool", "rule", "path", "line", "column"),
    [
        ("bandit", "B301", "app.py", 10, 12),
        ("bandit", "B602", "app.py", 14, 24),
        ("ruff", "S602", "app.py", 14, 24),
        ("pylint", "subprocess-run-check", "app.py", 14, 24),
        ("eslint", "no-unsanitized/property", "page.js", 3, 19),
        ("opengrep", "browser-inner-html", "page.js", 3, 19),
    ],
)
async def test_case_24_evidence_is_the_flagged_line_and_columns_count_characters(
    tool: str, rule: str, path: str, line: int, column: int, on_case: OnCase
):
    parsed = await on_case(tool, "24")

    (found,) = [one for one in parsed.findings if one.rule_id == rule]
    assert (found.location.path, found.location.line, found.location.column) == (path, line, column)
    lines = (case_app("24") / path).read_text().split("\n")
    assert found.evidence == lines[line - 1].strip()
