"""Statements of JavaScript and TypeScript. A reading, not a grammar: it must only be steady.

Whatever the text, the same code gives the same statements wherever it stands in its block.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analyzers.runtime.source.code.statements import Statement
from analyzers.runtime.source.code.tokens import CLOSES, OPENS, Kind, Token

_PAIRS = {"(": ")", "[": "]", "{": "}", OPENS: CLOSES}
_CLOSE = frozenset(_PAIRS.values())
_CONTROL = frozenset({"if", "for", "while", "switch", "catch", "with", "else", "do", "try"})
_BODIES = frozenset({")", "=>", ">"})
_DECLARE = frozenset({"const", "let", "var", "import", "export"})
_MODIFIERS = frozenset({"async", "function", "*"})
# A line that begins or ends with one of these goes on.
_OPERATORS = frozenset([".", "?.", "?", ":", "=", "*", "/", "%", "&", "|", "&&", "||", "??"])
_COMPARED = frozenset(["=>", ",", "==", "===", "!=", "!==", "+="])
_GOES_ON = _OPERATORS | _COMPARED | frozenset(["+", "-", "^", "<", ">", "(", "[", "{"])
_GOES_BACK = _OPERATORS | _COMPARED | frozenset([")", "]", "}"])
_MAX_DEPTH = 1_000
_MAX_LABEL_CHARS = 200


@dataclass(slots=True)
class _Frame:
    """What a bracket opened.

    Attributes:
        closes: the sign that ends it.
        statement: the one that is being read in it.
        block: statements begin and end in it; otherwise it is a part of its statement.
        parts: a literal outside any call, each of whose entries is a statement of its own.
        opener: index of its bracket.
    """

    closes: str
    statement: Statement
    block: bool
    parts: bool = False
    opener: int = -1


class ScriptReader:
    """Reads the tokens of one file once, from the first to the last."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._opened: dict[int, int] = {}
        self._frames = [_Frame("", Statement(()), block=True)]
        self.found: list[Statement] = [self._frames[0].statement]

    def read(self) -> list[Statement]:
        """The statements, in the order in which they begin; some may be empty."""
        for index, token in enumerate(self._tokens):
            self._next(index, token)
        return self.found

    def _next(self, index: int, token: Token) -> None:
        frame = self._frames[-1]
        if token.kind is Kind.SIGN and token.text in _CLOSE:
            self._close(index, token)
        elif token.kind is Kind.SIGN and token.text in _PAIRS:
            if frame.block:
                self._break_line(index, token)
            self._open(index, token)
        elif token.text == (";" if frame.block else "," if frame.parts else None):
            self._begin()
        else:
            if frame.block:
                self._break_line(index, token)
            self._frames[-1].statement.tokens.append(token)

    def _begin(self) -> None:
        frame = self._frames[-1]
        if frame.statement.tokens:
            frame.statement = Statement(frame.statement.scope)
            self.found.append(frame.statement)
            if frame.parts:
                self._frames[-2].statement.entries.append(frame.statement)

    def _break_line(self, index: int, token: Token) -> None:
        """A new line ends a statement, unless one of both sides cannot stand alone."""
        before = self._tokens[index - 1] if index else token
        if before.line == token.line or not self._frames[-1].statement.tokens:
            return
        if before.text not in _GOES_ON and token.text not in _GOES_BACK:
            self._begin()

    def _open(self, index: int, token: Token) -> None:
        frame = self._frames[-1]
        head = frame.statement
        head.tokens.append(token)
        if len(self._frames) > _MAX_DEPTH:
            return
        inside = _Frame(_PAIRS[token.text], head, block=False, opener=index)
        if token.text == "{" and self._is_block(index, frame):
            name = self._name(index)
            scope = (*head.scope, name) if name else head.scope
            if name and frame.block and not self._is_callback(index):
                head.defines = name
            inside.block = True
            inside.statement = Statement(scope)
        elif token.text in "{[" and (frame.block or frame.parts) and not self._declares(index):
            name = self._key(index)
            inside.parts = True
            inside.statement = Statement((*head.scope, name) if name else head.scope)
            head.entries.append(inside.statement)
        if inside.statement is not head:
            self.found.append(inside.statement)
        self._frames.append(inside)

    def _close(self, index: int, token: Token) -> None:
        if len(self._frames) > 1 and self._frames[-1].closes == token.text:
            closed = self._frames.pop()
            self._opened[index] = closed.opener
            self._frames[-1].statement.tokens.append(token)
            # What follows a body in a block is a new statement: `function f() {} g()`.
            if closed.block and self._frames[-1].block and self._ends_with_body(closed.opener):
                self._begin()
        else:
            self._frames[-1].statement.tokens.append(token)

    def _text(self, index: int) -> str:
        return self._tokens[index].text if index >= 0 else ""

    def _kind(self, index: int) -> Kind | None:
        return self._tokens[index].kind if index >= 0 else None

    def _is_block(self, index: int, frame: _Frame) -> bool:
        before = self._text(index - 1)
        if before in _BODIES or before in _CONTROL or before == "finally":
            return True
        if not frame.block:
            return False
        if not frame.statement.tokens[:-1]:
            return True
        return self._kind(index - 1) is Kind.NAME or before in "]}"

    def _ends_with_body(self, opener: int) -> bool:
        """Whether nothing can follow the body in its statement: no arrow, no value."""
        head = self._frames[-1].statement.tokens
        return self._text(opener - 1) != "=>" and not any(token.text == "=" for token in head)

    def _declares(self, index: int) -> bool:
        """Whether the bracket holds names that are imported or taken out of a value."""
        first = self._frames[-1].statement.tokens[0].text
        return first == "import" or self._text(index - 1) in _DECLARE

    def _parameters(self, index: int) -> int:
        """Index before the parameters of the function whose body opens at `index`; -1: none."""
        at = index - 1
        arrow = self._text(at) == "=>"
        at -= arrow
        for _ in range(12):  # a return type of TypeScript
            if self._text(at) == ")" or at < 0 or arrow:
                break
            at -= 1
        one_name = at - 1 if arrow else -1
        at = self._opened.get(at, 0) - 1 if self._text(at) == ")" else one_name
        while self._text(at) in _MODIFIERS:
            at -= 1
        return at

    def _name(self, index: int) -> str:
        """What the body that opens at `index` belongs to; empty if it has no name."""
        if self._text(index - 1) in _CONTROL or self._text(index - 1) == "finally":
            return ""
        at = self._parameters(index)
        if self._text(index - 1) not in (")", "=>"):
            head = self._frames[-1].statement.tokens
            for place, token in enumerate(head[:-1]):
                if token.text in ("class", "interface", "namespace", "enum", "module"):
                    return head[place + 1].text
        if at < 0 or self._text(at) in _CONTROL:
            return ""
        if self._is_callback(index):
            return self._callee(self._frames[-1].opener)
        if self._text(at) in ("=", ":"):
            at -= 1
        named = self._kind(at) in (Kind.NAME, Kind.TEXT) or self._text(at) == "constructor"
        return self._text(at)[:_MAX_LABEL_CHARS] if named else ""

    def _is_callback(self, index: int) -> bool:
        """Whether the function that opens at `index` is an argument of a call."""
        at = self._parameters(index)
        frame = self._frames[-1]
        return frame.closes == ")" and self._text(at) in ("(", ",") and frame.opener >= 0

    def _callee(self, opener: int) -> str:
        """`get("/notes")`: the call that takes a function, named by its first argument, a text."""
        if self._kind(opener - 1) is Kind.SIGN or self._kind(opener + 1) is not Kind.TEXT:
            return ""
        return f'{self._text(opener - 1)}("{self._text(opener + 1)}")'[:_MAX_LABEL_CHARS]

    def _key(self, index: int) -> str:
        """The key of an entry whose value opens at `index`."""
        return self._text(index - 2)[:_MAX_LABEL_CHARS] if self._text(index - 1) == ":" else ""


def script_statements(tokens: Sequence[Token]) -> list[Statement]:
    """Statements of a script; entries of a literal that is no argument are statements, too."""
    return [statement for statement in ScriptReader(tokens).read() if statement.tokens]
