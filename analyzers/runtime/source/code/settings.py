"""Settings beside what a statement does: arguments by name, and entries of an object, of one value.

`app.run(host="0.0.0.0", debug=True)` listens on every address whatever `debug` is. The setting that
is at fault itself counts: `secure: false` and `httpOnly: false` are two weaknesses of one cookie,
and a decision about one says nothing of the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

from analyzers.runtime.source.code.tokens import Kind, Token

_CONSTANTS = frozenset({"True", "False", "None", "true", "false", "null", "undefined"})
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_SIGNS = {"=": "(", ":": "{"}  # in which bracket a name with this sign behind it is a setting's
_ENDS = frozenset({",", ")", "}"})
# The name that a call gives to its subject tells one subject from another.
_SUBJECTS = frozenset({"key", "name"})
# Weaknesses of a setting: beside it, texts say no more of them than switches and numbers do.
_OF_SETTINGS = frozenset({"bind-all", "cors", "debug-mode", "insecure-cookie", "tls"})
# Words in the names, without case and signs, of the settings that a weakness is about: those that
# are at fault, and switches that make another weakness of the same family, which tools report with
# and without them.
_ABOUT = {
    "command-injection": ("shell",),
    "cors": ("origin", "credentials"),
    "debug-mode": ("debug",),
    "deserialization": ("allowpickle",),
    "insecure-cookie": ("secure", "httponly", "samesite"),
    "jwt": ("verif", "ignoreexpiration"),
    "tls": ("verif", "checkhostname", "unauthorized", "certreqs", "strictssl", "insecure"),
    "xss": ("autoescape",),
    "xxe": ("noent", "resolveentities"),
}
# Where the number says which of them it is.
_ABOUT_NUMBER = {614: ("secure",), 1004: ("httponly",), 1275: ("samesite",)}


class View(NamedTuple):
    """Which settings a weakness sees.

    Attributes:
        about: words in the names of those that it is about.
        texts: whether texts beside it say no more of it than switches and numbers do.
    """

    about: tuple[str, ...] = ()
    texts: bool = False


def view_of(kind: str, cwe: int | None = None) -> View:
    """The view of a kind of weakness, and of its number where that says more."""
    about = _ABOUT_NUMBER.get(cwe or 0, _ABOUT.get(kind, ()))
    return View(about, kind in _OF_SETTINGS)


def without_settings(tokens: Sequence[Token], view: View) -> list[Token]:
    """The tokens of a statement but the settings that a weakness of this view is not about.

    What is not a literal stays, and so does what is not in brackets: a statement of its own.
    """
    around = _around(tokens)
    kept: list[Token] = []
    index = 0
    while index < len(tokens):
        end = _end_of_setting(tokens, index, around[index], texts=view.texts)
        if end != index and _is_about(tokens[index].text, view):
            end = index
        if end == index:
            kept.append(tokens[index])
            index += 1
        elif tokens[end].text == ",":
            index = end + 1
        else:
            index = end
            if kept[-1].text == ",":
                kept.pop()
    return kept


def _is_about(name: str, view: View) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return any(word in plain for word in view.about)


def _around(tokens: Sequence[Token]) -> list[str]:
    """The innermost bracket that is open at each token."""
    found: list[str] = []
    opened: list[str] = []
    for token in tokens:
        is_sign = token.kind is Kind.SIGN
        if is_sign and opened and _BRACKETS.get(token.text) == opened[-1]:
            opened.pop()
        found.append(opened[-1] if opened else "")
        if is_sign and token.text in _SIGNS.values():
            opened.append(token.text)
    return found


def _end_of_setting(tokens: Sequence[Token], index: int, around: str, *, texts: bool) -> int:
    """Index of the token behind the setting that begins here; `index` itself: none does."""
    name, *rest = tokens[index : index + 5]
    if len(rest) < 3 or not index or tokens[index - 1].text not in (around, ","):
        return index
    if name.kind not in (Kind.NAME, Kind.TEXT) or around != _SIGNS.get(rest[0].text):
        return index
    length = 2 if rest[1].text in ("-", "+") else 1
    value, after = rest[length], rest[length + 1 : length + 2]
    is_text = texts and value.kind is Kind.TEXT and name.text not in _SUBJECTS
    is_constant = value.kind is Kind.NUMBER or (
        value.text in _CONSTANTS and value.kind is not Kind.TEXT
    )
    ends = bool(after) and after[0].kind is Kind.SIGN and after[0].text in _ENDS
    return index + length + 2 if ends and (is_text or is_constant) else index
