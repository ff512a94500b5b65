"""Statements, functions and normal forms of source code, also of source that is none."""

import random
import time

import pytest

from analyzers.runtime.source.code.outline import Outline, Place
from analyzers.runtime.source.code.tokens import MAX_CHARS, tokens_of

PYTHON = '''
import yaml

class Store:
    @staticmethod
    def load(name):
        """Reads
        a file."""
        with open(
            "data/" + name,
            mode="rb",
        ) as file:
            return yaml.load(file); print(name)

TOTAL = 1 + \\
    2
'''
SCRIPT = """
import { run } from "./run";
const settings = {
  secret: "abc", // of the session
  database: { password: "x" },
};
export class Repo {
  async find(id: string): Promise<Row[]> {
    const rows = await this.db
      .query(`SELECT * FROM t WHERE id = ${id}`)
    return rows
  }
}
router.get("/notes/:id", auth, async (req, res) => {
  if (req.query.x) {
    eval(req.query.x)
  } else { run(req.query.y) }
  try { one() } catch (error) { two(error) } finally { three() }
});
export const Page = ({ text }) => (
  <p>It's {text} &amp; <b dangerouslySetInnerHTML={{ __html: text }} /></p>
);
exports.last = function () { return eval("4") };
"""


def scopes(outline: Outline, text: str, parts: list[str]) -> list[str]:
    """The scope of the statement that has each of these parts."""
    found: list[str] = []
    for part in parts:
        before = text[: text.index(part)].split("\n")
        found.append(outline.place(len(before), len(before[-1]) + 1).scope)
    return found


def test_python_statements_belong_to_functions_and_classes():
    outline = Outline("a.py", PYTHON)
    parts = ["TOTAL", "class Store", "def load", "Reads", "data/", "yaml.load"]

    found = scopes(outline, PYTHON, parts)

    assert found == ["", "", "Store", *["Store>load"] * 3]
    assert outline.place(9) == outline.place(10) == outline.place(12)
    assert outline.place(7).code == outline.place(8).code
    assert outline.place(13, 20).code != outline.place(13, 38).code
    assert outline.place(16) == outline.place(15)
    assert outline.place(6).code == "def load"


def test_script_statements_belong_to_functions_routes_and_keys():
    outline = Outline("a.ts", SCRIPT)
    parts = ["secret", "password", "const rows", "return rows", "eval(req", "run(req", "two("]

    found = scopes(outline, SCRIPT, [*parts, "last", 'eval("4")'])

    route = 'get("/notes/:id")'
    assert found == ["", "database", *["Repo>find"] * 2, *[route] * 3, "", "last"]
    assert outline.place(9) == outline.place(10)
    assert outline.place(4).code == 'secret : "abc"'


def test_another_language_is_known_by_its_lines():
    outline = Outline("a.yml", "key:   'value 12'\n\nother: 1\n")

    assert outline.place(1) == Outline("a.yml", 'key: "value 12"').place(1)
    assert outline.place(1).shape == Outline("a.yml", "key: 'word 9'").place(1).shape
    assert outline.place(1) != outline.place(3)
    assert outline.place(99) == Place("", "", "")


def test_too_long_files_and_endless_words_are_known_by_their_lines():
    assert tokens_of(".js", "a();" * (MAX_CHARS // 4 + 1)) is None
    assert tokens_of(".js", "a." * 3_000) is None
    assert tokens_of(".rb", "a") is None
    assert Outline("a.js", "eval(q);\n" + "x" * MAX_CHARS).place(1).code == "eval(q);"


SOUP = [
    *["(", ")", "{", "}", "[", "]", "=>", "function", "class", "def f():", ":", ";", ",", "`"],
    *["${", "'", '"', '"""', "/*", "*/", "//", "#", "/", "\\", "\n", "\n    ", "\r", "\t", "a"],
    *["=", ".", "import", "return", "async", "<b>", "</b>", "é", "\x00", "\u2028", "1", "@x"],
    *["f'{", "}'"],
]


@pytest.mark.parametrize("suffix", [".py", ".js", ".tsx", ".vue"])
def test_whatever_the_text_every_place_has_an_answer(suffix: str):
    chosen = random.Random(7)
    for _ in range(60):
        text = "".join(chosen.choice(SOUP) for _ in range(chosen.randrange(120)))
        outline = Outline(f"a{suffix}", text)
        again = Outline(f"a{suffix}", text)
        for line in range(text.count("\n") + 3):
            for column in (None, 1, 5, 10_000):
                assert outline.place(line, column) == again.place(line, column)


@pytest.mark.parametrize("piece", ["(", "{", "[", "f(a,{b:", "`${", "/*", "'", "if(a){", "=>{"])
@pytest.mark.parametrize("suffix", [".py", ".js"])
def test_depth_costs_no_stack_and_little_time(suffix: str, piece: str):
    began = time.process_time()

    Outline(f"a{suffix}", piece * 4_000).place(1, 3_000)

    assert time.process_time() - began < 5
