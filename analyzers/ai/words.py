"""The part of a source line that a reader sees as words: comments, strings and markup text.

This is a light reader and no parser: text that it cannot classify counts as words. So a file with
    broken quotes hides nothing; at worst some of its code is read as prose.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["comment", "text", "code"]

_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_TRIPLE = r"[rRuU]?(?:\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z))"
_JSX_TEXT = r"(?<=>)[^<>{}=;()]+(?=[<{])"
# Several bare words in a row are no code, whatever the file's name says.
_WORD = r"[^\W_]+(?:['’-][^\W_]+)*"
_PROSE_RUN = re.compile(rf"\b{_WORD}(?:,?[ \t]+{_WORD}){{3,}}")
_STATEMENT = re.compile(
    r"(?:if|elif|else|for|while|with|return|assert|yield|from|import|export|case|when|not)\b"
)


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Tokens of a family of languages; `rest` matches the text between them."""

    tokens: re.Pattern[str]
    rest: Kind


class Words(NamedTuple):
    """The words of one line: for readers of the code, and for users of the app."""

    comment: str
    text: str


def _grammar(tokens: str, rest: Kind) -> _Grammar:
    return _Grammar(re.compile(tokens, re.DOTALL | re.MULTILINE), rest)


_HASH = rf"(?P<comment>\#[^\n]*|^[ \t]*{_TRIPLE})|(?P<text>{_TRIPLE}|{_STRING})"
_SLASH = (
    r"(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z)|<!--.*?(?:-->|\Z))"
    rf"|(?P<text>{_STRING}|`(?:\\.|[^`\\])*(?:`|\Z)|{_JSX_TEXT})"
)
_SCRIPT = _grammar(_SLASH, "code")
_GRAMMARS: tuple[tuple[tuple[str, ...], _Grammar], ...] = (
    ((".py", ".pyi", ".rb", ".sh"), _grammar(_HASH, "code")),
    (
        (
            *(".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".java", ".go", ".rs", ".php"),
            *(".css", ".scss", ".less", ".kt", ".cs", ".swift", ".dart", ".c", ".h", ".cpp"),
        ),
        _SCRIPT,
    ),
    (
        (".html", ".htm", ".vue", ".svelte", ".svg", ".xml", ".jinja", ".jinja2", ".j2", ".ejs"),
        _grammar(
            r"(?P<comment><!--.*?(?:-->|\Z)|\{\#.*?(?:\#\}|\Z))"
            r"|(?P<code><(?P<tag>script|style)\b.*?(?:</(?P=tag)\s*>|\Z))",
            "text",
        ),
    ),
    (
        (".yml", ".yaml", ".toml", ".cfg", ".ini", ".env", "Dockerfile"),
        _grammar(r"(?P<comment>\#[^\n]*)", "text"),
    ),
    ((".sql",), _grammar(r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))", "text")),
    ((".json", ".csv"), _grammar(r"(?!)", "text")),
)


def words_of(path: str, lines: Sequence[str]) -> list[Words]:
    """The words of each line of `path`; a file in an unknown language is all prose."""
    grammar = _grammar_of(path)
    if grammar is None:
        return [Words(line, "") for line in lines]
    return [
        Words(
            " ".join((*words["comment"], *_prose("".join(words["code"])))), " ".join(words["text"])
        )
        for words in _by_line(lines, grammar)
    ]


@lru_cache(maxsize=8)  # a judge's evidence points at the same few files again and again
def comment_lines(path: str, lines: tuple[str, ...]) -> frozenset[int]:
    """Numbers (from 1) of lines with only a comment; in an unknown language, none."""
    grammar = _grammar_of(path)
    if grammar is None:
        return frozenset()
    numbered = enumerate(_by_line(lines, grammar), start=1)
    return frozenset(
        number for number, words in numbered if not words["text"] and not words["code"]
    )


def _grammar_of(path: str) -> _Grammar | None:
    return next((grammar for suffixes, grammar in _GRAMMARS if path.endswith(suffixes)), None)


def _by_line(lines: Sequence[str], grammar: _Grammar) -> list[dict[Kind, list[str]]]:
    found: list[dict[Kind, list[str]]] = [{"comment": [], "text": [], "code": []} for _ in lines]
    number = 0
    for kind, piece in _pieces("\n".join(lines), grammar):
        for offset, part in enumerate(piece.split("\n")):
            number += offset > 0
            found[number][kind] += [part] if part.strip() else []
    return found


def _pieces(text: str, grammar: _Grammar) -> Iterator[tuple[Kind, str]]:
    """`text` from beginning to end, cut into pieces of one kind."""
    end = 0
    for token in grammar.tokens.finditer(text):
        yield grammar.rest, text[end : token.start()]
        end = token.end()
        if token.lastgroup == "comment":
            yield "comment", token[0]
        elif token.lastgroup == "text":
            yield "text", token[0]
        else:
            yield from _pieces(token[0], _SCRIPT)
    yield grammar.rest, text[end:]


def _prose(code: str) -> Iterator[str]:
    runs = (run[0] for run in _PROSE_RUN.finditer(code))
    return (run for run in runs if not _STATEMENT.match(run))
