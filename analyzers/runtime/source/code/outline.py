"""What a finding is about: the statement at its line, and how it is known again elsewhere."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from analyzers.runtime.source.code.normal import (
    Names,
    identity_of,
    plain_identity,
    plain_shape,
    shape_of,
)
from analyzers.runtime.source.code.script import script_statements
from analyzers.runtime.source.code.settings import View, view_of, without_settings
from analyzers.runtime.source.code.statements import Statement, python_statements
from analyzers.runtime.source.code.tokens import Kind, Token, tokens_of
from contract.identity import digest

_MAX_TOKENS = 60
_MAX_LINE_CHARS = 2_000
_MAX_ORIGIN_CHARS = 300
_AUGMENTED = frozenset("+-*/%|&^@")
_MAX_BACK, _MAX_TARGETS = 200, 24


class Place(NamedTuple):
    """A place in the source as people know it.

    Attributes:
        scope: names of the functions around it, joined with `>`; empty at the top of a file.
        code: its statement in normal form.
        shape: digest of the statement without the app's own names and values; empty: no code.
        former: its normal form before settings were left out of it; empty: it has none of them.
    """

    scope: str
    code: str
    shape: str
    former: str = ""


class Outline:
    """The statements of one file, by line.

    A file of another language, or one that is too long or too odd to read, is known by its lines.
    """

    def __init__(self, path: str, text: str) -> None:
        self._text = re.sub(r"\r\n?", "\n", text)
        self._lines = self._text.split("\n")
        suffix = f".{path.rpartition('.')[2]}"
        tokens = tokens_of(suffix, self._text)
        reader: Callable[[Sequence[Token]], list[Statement]]
        reader = python_statements if suffix == ".py" else script_statements
        statements = reader(tokens) if tokens else []
        owned = [(token, place) for place, at in enumerate(statements) for token in at.tokens]
        owned.sort(key=lambda item: (item[0].line, item[0].column))
        self._statements = statements
        self._owned = owned
        self._places = [(token.line, token.column) for token, _ in owned]
        self._names = _names(statements)
        self._known: dict[tuple[int, int, View], Place] = {}

    def place(
        self, line: int, column: int | None = None, kind: str = "", cwe: int | None = None
    ) -> Place:
        """The statement at a line, or in it at a column.

        Args:
            line: from 1.
            column: from 1; None: it is not known.
            kind: of the weakness there: settings that it is not about do not count.
            cwe: its number.
        """
        at = self._at(line, column)
        if at is None:
            return self._plain(line)
        long = len(self._statements[at].tokens) > _MAX_TOKENS
        key = at, line if long else 0, view_of(kind, cwe)
        if key not in self._known:
            self._known[key] = self._read(self._statements[at], at, line, key[2])
        return self._known[key]

    def _read(self, statement: Statement, at: int, line: int, view: View) -> Place:
        scope = ">".join(statement.scope)
        if statement.defines:
            return Place(scope, f"def {statement.defines}", digest("def")[:16])
        tokens = _with_entries(statement)
        if len(tokens) > _MAX_TOKENS:
            tokens = statement.tokens
        if len(tokens) > _MAX_TOKENS:
            tokens = [token for token in tokens if token.line == line] or tokens[:_MAX_TOKENS]
        origins = self._origins(at)
        kept = without_settings(tokens, view)
        code = identity_of(kept, self._names, origins)
        former = identity_of(tokens, self._names, origins)
        shape = digest(shape_of(kept, self._names))[:16]
        return Place(scope, code, shape, former if former != code else "")

    def _at(self, line: int, column: int | None) -> int | None:
        """Index of the statement at a place; None if there is none, only a comment."""
        first, after = (
            bisect_left(self._places, (line, 0)),
            bisect_left(self._places, (line + 1, 0)),
        )
        if first == after:  # inside a text of several lines
            token, at = self._owned[first - 1] if first else (None, 0)
            inside = token is not None and token.line + token.text.count("\n") >= line
            return at if inside else None
        if column:
            first = min(max(bisect_right(self._places, (line, column)) - 1, first), after - 1)
        return self._owned[first][1]

    def _plain(self, line: int) -> Place:
        text = self._lines[line - 1][:_MAX_LINE_CHARS] if 1 <= line <= len(self._lines) else ""
        shape = plain_shape(text)
        return Place("", plain_identity(text), digest(shape)[:16] if shape else "")

    def _origins(self, at: int) -> dict[str, str]:
        """For local names of a statement, the texts of the last one before it that set them.

        A name that is only changed (`name = name.strip()`) is still from where it came.
        """
        statement = self._statements[at]
        wanted = {token.text for token in statement.tokens if token.kind is Kind.NAME}
        found: dict[str, str] = {}
        for earlier in reversed(self._statements[max(at - _MAX_BACK, 0) : at]):
            if earlier.scope == statement.scope[: len(earlier.scope)]:
                for name, origin in _assigned(earlier.tokens).items():
                    if name in wanted:
                        found.setdefault(name, origin)
        return found


def _with_entries(statement: Statement) -> list[Token]:
    """Its tokens and those of the entries of its literals, as they stand in the file."""
    tokens: list[Token] = []
    pending = [statement]
    while pending and len(tokens) <= _MAX_TOKENS:
        current = pending.pop()
        tokens += current.tokens
        pending += current.entries
    return (
        sorted(tokens, key=lambda token: (token.line, token.column))
        if statement.entries
        else tokens
    )


def _assigned(tokens: Sequence[Token]) -> dict[str, str]:
    """Names that a statement gives a new value to, with the texts in that value."""
    texts = [token.text for token in tokens]
    if "=" not in texts[:_MAX_TARGETS]:
        return {}
    at = texts.index("=")
    if "(" in texts[:at] or texts[max(at - 1, 0)] in _AUGMENTED:
        return {}
    targets, value = tokens[:at], tokens[at + 1 :]
    used = {
        token.text
        for before, token in zip(tokens[at:], value, strict=False)
        if token.kind is Kind.NAME and before.text != "."
    }
    content = "".join(
        f'"{" ".join(t.text.split())}"' for t in value if t.kind is Kind.TEXT and t.text
    )
    found: dict[str, str] = {}
    for index, target in enumerate(targets):
        before = targets[index - 1].text if index else ""
        if target.kind is not Kind.NAME or target.text in used or before == ".":
            continue
        # `const { key: name } = ...`: the key says which value it is.
        key = targets[index - 2].text if before == ":" and index > 1 else target.text
        found[target.text] = f".{key}" if "{" in texts[:at] else content[:_MAX_ORIGIN_CHARS]
    return found


def _names(statements: Sequence[Statement]) -> Names:
    imported: set[str] = set()
    for statement in statements:
        texts = [token.text for token in statement.tokens]
        if texts[0] in ("import", "from"):
            named = statement.tokens
        elif "require" in texts and "=" in texts:
            named = statement.tokens[: texts.index("=")]
        else:
            continue
        imported |= {token.text for token in named if token.kind is Kind.NAME}
    own = frozenset(statement.defines for statement in statements if statement.defines)
    return Names(frozenset(imported) - own, own)
