"""Names in Markdown and LaTeX do nothing but stand there."""

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from reports.forms.plain import md, table
from reports.forms.texcode import TexTable, comment, tex

HOSTILE = (
    "</td><script>alert(1)</script>",
    "![x](http://evil/x.png)",
    "[click](javascript:alert(1))",
    "<http://evil.example>",
    "https://evil.example/?a=b",
    "www.evil.example",
    "@everyone fixes #1 and $x^2$",
    "a | b \\| c",
    "`code` **bold** _em_ ~~no~~",
    "&lt;b&gt; &#60;",
    "line\nline\r\n\n# heading",
    "\u202ereversed\u0000\x1b[31m",
)


class Tags(HTMLParser):
    """Elements and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markdown: str) -> Tags:
    page = Tags()
    page.feed(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))
    return page


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_in_a_table_is_text_and_nothing_else(name: str):
    page = read("\n".join(table(("Model", "Apps"), [(md(name), "1")])))

    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    shown = " ".join(re.sub("[\x00-\x1f\u202e]", " ", name).split())
    assert shown in " ".join(page.text.split())


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_on_github_is_mentioned_linked_or_closed(name: str):
    assert not re.search(r"@\w|(?<!&)#\d|://|www\.|\$", md(name))


def test_a_long_name_is_cut():
    assert len(md("x" * 10_000)) == 300


TEX = (
    r"\input{/etc/passwd}",
    r"\write18{id}",
    "a & b \\\\ c % d # e $ f",
    "x_y^z~w{}",
    "[h] * - -- '' \"\" ``",
    "é ü ñ ß ø Å č",
    "日本 😀 \u202e",
    "line\n\nline",
    "<>|?`!`",
)


@pytest.mark.parametrize("name", TEX)
def test_a_name_in_latex_is_ascii_and_has_no_command_of_its_own(name: str):
    source = tex(name)

    assert source.isascii() and "\n" not in source
    commands = set(re.findall(r"\\([a-zA-Z]+)", source))
    assert commands <= {"char", "textbackslash", "textasciicircum", "textasciitilde"} | {
        *("textless", "textgreater", "textbar", "ldots", "ss", "o", "r", "v", "i")
    }
    bare = re.sub(r"\\[&%#$_{}]", "", source)
    assert not re.search("[&%#$_]", bare)
    assert _balanced(source)


def _balanced(source: str) -> bool:
    depth = 0
    for char in re.sub(r"\\[{}]", "", source):
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0


def test_a_row_cannot_become_the_argument_of_the_one_above():
    rows = (("a",), (tex("[1em] x"),), (tex("*x"),))
    lines = TexTable("t", "c", "l", ("H",), rows).source("p").splitlines()

    assert r"{[}1em{]} x \\" in lines
    assert r"{*}x \\" in lines


def test_a_comment_stays_one_line():
    assert comment("a\nb\r\x85c") == "% a?b??c"
