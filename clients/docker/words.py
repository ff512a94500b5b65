"""Variables in a word of a Dockerfile: `$A`, `${A:-b}`, quotes, the escape character."""

from collections.abc import Mapping

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")
_MAX_DEPTH = 20


class WordError(ValueError):
    """A word that cannot be expanded; the text says why."""


def expand(word: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """`word` with its variables expanded and without quotes, as the reference builder does it.

    Raises:
        WordError: an unknown form, or `${A:?text}` without a value.
    """
    return _Word(word, variables, escape).until("", 0)


class _Word:
    """One pass over a word."""

    def __init__(self, text: str, variables: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._at = 0
        self._variables = variables
        self._escape = escape

    def until(self, end: str, depth: int) -> str:
        """The expanded text before the character `end`."""
        if depth > _MAX_DEPTH:
            raise WordError("variables are nested too deeply")
        found = ""
        quoted = False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == end and not quoted:
                return found
            self._at += 1
            if character == "'" and not quoted:
                closing = self._text.find("'", self._at)
                if closing < 0:
                    raise WordError("a quote does not end")
                found += self._text[self._at : closing]
                self._at = closing + 1
            elif character == '"':
                quoted = not quoted
            elif character == self._escape:
                found += self._text[self._at : self._at + 1]
                self._at += 1
            elif character == "$":
                found += self._variable(depth)
            else:
                found += character
        if end or quoted:
            raise WordError(f"{'a variable' if end else 'a quote'} does not end")
        return found

    def _variable(self, depth: int) -> str:
        if self._text[self._at : self._at + 1] != "{":
            name = self._name()
            return self._variables.get(name, "") if name else "$"
        self._at += 1
        name = self._name()
        rest = self._text[self._at :]
        operator = next(
            (mark for mark in (":-", ":+", ":?", "-", "+", "?") if rest.startswith(mark)), ""
        )
        self._at += len(operator)
        if not operator and not rest.startswith("}"):
            raise WordError(f"${{{name}{rest[:20]} is a form that only newer builders know")
        word = self.until("}", depth + 1)
        self._at += 1
        return self._chosen(name, operator, word)

    def _chosen(self, name: str, operator: str, word: str) -> str:
        value = self._variables.get(name)
        there = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return word if there else ""
        if not there and operator.endswith("?"):
            raise WordError(f"{name} has no value{': ' + word if word else ''}")
        return (value or "") if there or not operator else word

    def _name(self) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            self._at += 1
        return self._text[start : self._at]
