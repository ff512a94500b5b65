"""The normal form of a statement: what stays when people rename, reformat and comment around it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzers.runtime.source.code.tokens import CLOSES, OPENS, Kind, Token

_DROPPED = frozenset({"(", ")", ";", "const", "let", "var"})
_USES = frozenset({"return", "await", "async", "yield"})
_CLOSE = frozenset({")", "]", "}"})
_VALUE = r"(?:S|_(?: \. \w+)*)"
_CONCATENATED = re.compile(rf"(?:{_VALUE} [+%] )+{_VALUE}")


@dataclass(frozen=True, slots=True)
class Names:
    """Names of a file.

    Attributes:
        imported: they mean the same in every app.
        own: functions and classes that the file defines.
    """

    imported: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


def identity_of(tokens: Sequence[Token], names: Names, origins: Mapping[str, str]) -> str:
    """The text of a statement in which a local name counts only by where its value is from.

    `origins` has the texts in the statement that gave a name its value: another parameter of the
    request is another finding, whatever the variable is called.
    """
    pieces: list[str] = []
    for index, token in enumerate(tokens):
        if token.kind is Kind.NAME:
            kept = _is_kept(tokens, index, names)
            pieces.append(token.text if kept else f"_{origins.get(token.text, '')}")
        elif token.kind is Kind.TEXT:
            pieces += [] if _is_rest(tokens, index) else [f'"{" ".join(token.text.split())}"']
        else:
            pieces += _sign(tokens, index, pieces)
    return " ".join(pieces)


def shape_of(tokens: Sequence[Token], names: Names) -> str:
    """The statement without what is the app's own: its names, texts and numbers.

    Text put together of pieces has one form, however many there are: `S+_`. What becomes of the
    value (it is kept in a variable, returned, awaited) does not count.
    """
    pieces: list[str] = []
    for index, token in enumerate(tokens):
        if token.kind is Kind.NAME:
            kept = _is_kept(tokens, index, names) and token.text not in names.own
            pieces.append(token.text if kept else "_")
        elif token.kind is Kind.TEXT:
            pieces += [] if _is_rest(tokens, index) else ["S"]
        elif token.kind is Kind.NUMBER:
            pieces.append("N")
        elif token.text not in _USES:
            pieces += _sign(tokens, index, pieces)
    if pieces[:2] == ["_", "="]:
        del pieces[:2]
    return _CONCATENATED.sub(_joined, " ".join(pieces))


def _joined(match: re.Match[str]) -> str:
    return "S+_" if "S" in match[0].split() and "_" in match[0] else match[0]


def _is_kept(tokens: Sequence[Token], index: int, names: Names) -> bool:
    """Whether a name is no local one: an attribute, a function, a keyword or a key, an import."""
    name = tokens[index].text
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if before == "." or after == "(" or name in names.imported or name.startswith("@"):
        return True
    if after == ":":
        return before in ("", "{", ",")
    return after == "=" and before in ("(", ",") and _is_in_call(tokens, index)


def _is_in_call(tokens: Sequence[Token], index: int) -> bool:
    depth = 0
    for token in tokens[:index]:
        depth += (token.text == "(") - (token.text == ")")
    return depth > 0


def _is_rest(tokens: Sequence[Token], index: int) -> bool:
    """Whether a text is the nothing after the last value in it."""
    return not tokens[index].text and index > 0 and tokens[index - 1].text == CLOSES


def _sign(tokens: Sequence[Token], index: int, pieces: Sequence[str]) -> list[str]:
    """What stands for a word, a number or a sign; values in texts are added to them."""
    text = tokens[index].text
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if text == OPENS:
        return ["+"] if pieces and pieces[-1] not in ("+", "=", ",") else []
    if text == CLOSES:
        goes_on = after and after.text and (after.kind is Kind.TEXT or after.text == OPENS)
        return ["+"] if goes_on else []
    if text in _DROPPED or (text == "," and (after is None or after.text in _CLOSE)):
        return []
    return [text]


def plain_identity(line: str) -> str:
    """A line of another language, without blanks, with one kind of quotes."""
    return re.sub(r"\s+", "", line).replace("'", '"')


def plain_shape(line: str) -> str:
    """The same without texts in quotes and numbers."""
    return re.sub(r"\d+", "N", re.sub(r'"[^"]*"', "S", plain_identity(line)))
