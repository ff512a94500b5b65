"""Tokens of a file, by Pygments, without comments and blanks. Bounded on hostile input."""

import re
import time
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum
from typing import Any, ClassVar, NamedTuple

from pygments.lexer import RegexLexer, inherit
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Text

MAX_CHARS, MAX_TOKENS = 256 * 1024, 80_000
_MAX_CPU_S = 5.0  # ten times what the longest sound file takes
_CHECKED_EACH = 256
_ENDLESS = re.compile(r"[\w?.$]{5000}")  # one such word costs the lexer the square of its length
OPENS, CLOSES = "${", "}$"
_QUOTES = ('"""', "'''", '"', "'", "`")


class Kind(Enum):
    """What a token is; `TEXT` is the content of a string without its quotes."""

    NAME = "name"
    WORD = "word"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"


class Token(NamedTuple):
    """One token. A value inside a string stands between `${` and `}$`.

    Attributes:
        line, column: from 1.
        joined: a backslash joins its line to the one before.
    """

    kind: Kind
    text: str
    line: int
    column: int
    joined: bool


class _Script(JavascriptLexer):
    """JavaScript and TypeScript, with the tags and the prose of JSX.

    An apostrophe in prose begins no string, and a closing tag no regular expression.
    """

    tokens: ClassVar = {
        "root": [
            (r"</[\w.:-]*\s*>?|/>", Operator),
            (r'"(?:\\.|[^"\\\n])*"', String.Double),
            (r"'(?:\\.|[^'\\\n])*'", String.Single),
            (r"[\"']", Text),
            inherit,
        ]
    }


_LEXERS: dict[str, type[RegexLexer]] = {
    ".py": PythonLexer,
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), _Script),
}


def tokens_of(suffix: str, text: str) -> list[Token] | None:
    """The tokens of a file whose name ends with `suffix`; lines of `text` end at LF.

    None: the language is not known, the file is too long, or the lexer takes too long over it.
    The longest sound files have some 50,000 tokens.
    """
    lexer = _LEXERS.get(suffix)
    if lexer is None or len(text) > MAX_CHARS or _ENDLESS.search(text):
        return None
    begins = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
    found: list[Token] = []
    ends_s = time.thread_time() + _MAX_CPU_S
    for index, (kind, start, content) in enumerate(_joined(lexer(ensurenl=False), text)):
        if index == MAX_TOKENS or (index % _CHECKED_EACH == 0 and time.thread_time() > ends_s):
            return None
        line = bisect_right(begins, start)
        begin = begins[line - 1]
        joined = text[max(begin - 2, 0) : begin] == "\\\n"
        found.append(Token(kind, content, line, start - begin + 1, joined))
    return found


def _joined(lexer: RegexLexer, text: str) -> Iterator[tuple[Kind, int, str]]:
    """Kinds, offsets and texts; the pieces of one string, or of neighbours, are one token."""
    parts: list[str] = []
    began = -1
    for start, kind, piece in lexer.get_tokens_unprocessed(text):
        mark = _mark(kind, piece)
        if kind in String and not mark:
            began = start if began < 0 else began
            parts.append("" if kind in String.Affix else _unquoted(piece))
            continue
        if kind in Comment or not piece.strip() or piece.startswith("\\"):
            continue
        if began >= 0:
            yield Kind.TEXT, began, "".join(parts)
            parts, began = [], -1
        yield (Kind.SIGN, start, mark) if mark else (_kind(kind), start, piece)
    if began >= 0:
        yield Kind.TEXT, began, "".join(parts)


def _mark(kind: Any, piece: str) -> str:
    """Where a value begins or ends in a string; empty for everything else."""
    if kind not in String.Interpol:
        return ""
    if piece in ("{", "${"):
        return OPENS
    return CLOSES if piece.endswith("}") and not piece.startswith("{") else ""


def _kind(kind: Any) -> Kind:
    if kind in Keyword or kind in Operator.Word:
        return Kind.WORD
    if kind in Name:
        return Kind.NAME
    return Kind.NUMBER if kind in Number else Kind.SIGN


def _unquoted(piece: str) -> str:
    """A piece of a string without the quotes around it, or nothing of a quote alone."""
    if piece in _QUOTES:
        return ""
    if piece.startswith(_QUOTES[:2]) and len(piece) >= 6:  # a docstring comes in one piece
        return piece[3:-3]
    quoted = len(piece) > 1 and piece[0] in "\"'" and piece[0] == piece[-1]
    return piece[1:-1] if quoted else piece
