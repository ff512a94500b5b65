"""Signs of values that our own tools put into an app: neither its content nor findings. Pure.

Every value that our probes send contains `zq` and hexadecimal digits, or is one of a few payloads;
the payloads of scanners are recognised by their shape. Names of our accounts (`assay...`) are
harmless and no sign.
"""

import html
import re
import secrets
from urllib.parse import unquote

_OURS = (
    r"zq[0-9a-f]{8}",  # made by `new_mark`
    r"41\*271|zq11111|11111zq",
    r"etc/passwd",
    r"assay-(?:redirect|origin)\.invalid",
    r"'1%?'='[12]|\b1 AND 1=[12]\b|' OR (?:'1'='1|1=1)",
)
_WAPITI = (
    r"(?i:alert|confirm|prompt)\)?\s*\(?[(`]?\(?['\"/`]{1,2}w[0-9a-z]{9}\b",
    r"w[0-9a-z]{9}z\.js",
    r"wapiti\d?\.ovh",
    r"w4p1t1",
    r"<div id=[\"']?w[0-9a-z]{9}",
    r"\bor sleep\(\d+\)",
)
_SIGNS = re.compile("|".join((*_OURS, *_WAPITI)))


def new_mark() -> str:
    """A word that no app writes and that `shows_payload` recognises."""
    return f"zq{secrets.token_hex(4)}"


def shows_payload(text: str) -> bool:
    """Whether a page, a link or a message holds a value that our tools sent, escaped or not."""
    return any(_SIGNS.search(form) for form in (text, html.unescape(text), unquote(text)))


def pattern() -> str:
    """The signs as one regular expression, for the program that drives the browser."""
    return _SIGNS.pattern
