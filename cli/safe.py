"""Text from outside, made fit for a terminal: names, reasons, logs, error texts.

An app's name or a line of its log may carry escape sequences (they move the cursor, retitle the
window, write to the clipboard), bidirectional overrides, or halves of characters.
"""

import unicodedata

# Letters for a reader, and what breaks lines on purpose. All else of these categories commands
# the terminal, hides, or cannot be encoded.
_KEPT = frozenset("\n\t")
_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    r"""`text` with what a terminal would obey, or not show, as an escape (`\x1b`, `\u202e`)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def one_line(text: str) -> str:
    """`shown`, on one line."""
    return shown(text.replace("\n", " ").replace("\t", " "))


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _COMMANDS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
