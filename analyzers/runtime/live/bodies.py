"""Reads bodies of HTTP answers as text, and tells whether two of them say the same. Pure."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from urllib.parse import quote, unquote, urlsplit

_READABLE = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_TEXT_TYPES = re.compile(r"^text/|json|xml|javascript|urlencoded", re.IGNORECASE)
# Those that browsers read. Python knows more; some take quadratic time for a hostile body.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(le|be)?|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d|windows-?125\d|cp125\d|"
    r"gb2312|gbk|gb18030|big5(-hkscs)?|euc-?(jp|kr)|shift[-_]?jis|sjis|iso-2022-jp|koi8-?[ru]",
    re.IGNORECASE,
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,/>]{1,40})", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tokens, nonces, digests, UUIDs: eight or more characters with a digit, or very many letters.
_VOLATILE = re.compile(r"(?<![\w+-])(?=[A-Za-z_+-]*\d)[\w+-]{8,}|\b[A-Za-z0-9_-]{24,}\b")
_DIGITS = re.compile(r"\d+(?:[.:,]\d+)*")
_SPLIT = re.compile(r"[\s<>\"'=;,]+")
_MIN_ECHO = 3  # characters: shorter names of a path are ordinary words

Shown = tuple[str, bytes]
"""The URL that was asked, and the body that came."""


def decoded(body: bytes, content_type: str, content_encoding: str) -> str | None:
    """A body as text, with broken characters replaced; None if it cannot be read.

    Args:
        body: its beginning, gzip and deflate undone.
        content_type: with its `charset`; a byte order mark is stronger, a page's `<meta>` weaker.
        content_encoding: the header; brotli and zstd are not read.
    """
    if set(re.split(r"[,\s]+", content_encoding.lower())) - _READABLE:
        return None
    media_type = content_type.partition(";")[0].strip()
    charset = _charset_of(body, content_type, media_type)
    if not _CHARSETS.fullmatch(charset.removesuffix("-sig")):
        return None
    text = body.decode(charset, "replace")
    broken = text.count("\ufffd") + text.count("\0")
    return None if _TEXT_TYPES.search(media_type) and broken > 1 + len(text) // 20 else text


def _charset_of(body: bytes, content_type: str, media_type: str) -> str:
    for mark, name in _MARKS:
        if body.startswith(mark):
            return name
    inside = body[:1024].decode("ascii", "replace") if "html" in media_type.lower() else ""
    for text in (content_type, inside):
        if named := _CHARSET.search(text):
            return named[1]
    return "utf-8"


def is_alike(shown: Shown, others: list[Shown], compared: int) -> bool:
    """Whether a body has every word that `others` share, and no more other words than they have.

    Words that the others do not share change by themselves: a nonce, the quote of the day. That
    takes two or more of them. With one, only tokens, numbers and the echo of the path may change.

    Args:
        shown: the body to compare.
        others: one or more bodies that are known to say nothing.
        compared: how many bytes at the beginning of each are looked at.
    """
    if all(_far(len(shown[1]), len(body)) for _, body in others):
        return False
    own = words_of(_text(shown[1], compared), [shown[0], *(url for url, _ in others)])
    known = [words_of(_text(body, compared), [shown[0], url]) for url, body in others]
    shared = known[0]
    for words in known[1:]:
        shared = shared & words
    if 3 * shared.total() < 2 * max(words.total() for words in known):
        return own in known  # they share little: then only an equal body is alike
    spare = max((words - shared).total() for words in known)
    steady = {
        word for word, count in shared.items() if all(count == other[word] for other in known)
    }
    return not steady & (shared - own).keys() and (own - shared).total() <= spare + spare // 4


def words_of(text: str, urls: Iterable[str]) -> Counter[str]:
    """Words and marks of a text. Tokens, numbers and echoes of `urls` all become the same word."""
    for echo in _echoes(urls):
        text = text.replace(echo, "\x01")
    return Counter(_SPLIT.split(_DIGITS.sub("0", _VOLATILE.sub("\x02", text))))


def _far(length: int, other: int) -> bool:
    """Whether no nonce, token or echoed path explains such a difference of lengths."""
    return abs(length - other) > 4_000 + min(length, other) // 2


def _text(body: bytes, compared: int) -> str:
    return body[:compared].decode("utf-8", "replace")


def _echoes(urls: Iterable[str]) -> list[str]:
    """Forms in which a page may show the path that was asked for, the longest first."""
    found = set[str]()
    for url in urls:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        path = parts.path or "/"
        names = {path, path.lstrip("/"), path.strip("/"), path.rstrip("/").rpartition("/")[2]}
        names |= {f"{path}?{parts.query}"} if parts.query else set()
        for name in names | {unquote(given) for given in names}:
            found |= {name, escape(name), quote(name, safe="")}
    return sorted((form for form in found if len(form) >= _MIN_ECHO), key=len, reverse=True)
