"""Statements of a file and the functions that they are in, found from its tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzers.runtime.source.code.tokens import Kind, Token


@dataclass(slots=True)
class Statement:
    """One statement without the bodies in it.

    Attributes:
        scope: names of the functions and classes around it, the outermost first. A handler without
            a name has that of the call that takes it: `get("/notes")`.
        tokens: in order.
        defines: name of the function or class whose head it is; empty for others.
        entries: of the literals in it, if they are statements of their own.
    """

    scope: tuple[str, ...]
    tokens: list[Token] = field(default_factory=list)
    defines: str = ""
    entries: list["Statement"] = field(default_factory=list)


_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_HEADS = frozenset({"def", "class"})


def python_statements(tokens: Sequence[Token]) -> list[Statement]:
    """Logical lines of Python: a line ends outside brackets, a block is what is indented."""
    found: list[Statement] = []
    around: list[tuple[int, str]] = []
    for line in _logical_lines(tokens):
        column = line[0].column
        while around and around[-1][0] >= column:
            around.pop()
        name = _defined(line)
        found.append(Statement(tuple(name for _, name in around), line, name))
        if name:
            around.append((column, name))
    return found


def _logical_lines(tokens: Iterable[Token]) -> Iterable[list[Token]]:
    line: list[Token] = []
    depth, row = 0, 0
    for token in tokens:
        on_new_line = token.line > row and not token.joined
        if line and not depth and (on_new_line or token.text == ";"):
            yield line
            line = []
        row = token.line + (token.text.count("\n") if token.kind is Kind.TEXT else 0)
        if token.kind is Kind.SIGN:
            depth = max(depth + (token.text in _OPEN) - (token.text in _CLOSE), 0)
        if token.text != ";":
            line.append(token)
    if line:
        yield line


def _defined(line: Sequence[Token]) -> str:
    words = [token.text for token in line[:3]]
    if words[0] == "async":
        words = words[1:]
    return words[1] if len(words) > 1 and words[0] in _HEADS else ""
