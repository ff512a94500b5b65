"""Text files as people save them: byte order marks, UTF-16, latin-1, coding cookies."""

import codecs
import errno
import os
import re
import stat
from pathlib import Path

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 4_096


def read_bytes(root: Path, name: str, max_bytes: int) -> bytes:
    """A regular file below `root`, links not followed.

    Raises:
        ValueError: larger than `max_bytes`, no regular file, or it cannot be opened.
        OSError: reading it failed.
    """
    # O_NONBLOCK: opening a FIFO must not wait for someone to write into it.
    try:
        descriptor = os.open(root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        reason = "symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ValueError(f"unreadable: {reason}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a regular file")
        if status.st_size > max_bytes:
            raise ValueError(f"larger than {max_bytes} bytes")
        return file.read(max_bytes + 1)[:max_bytes]


def decoded(data: bytes) -> str:
    """The text of a file, see `encoding_of`.

    Raises:
        ValueError: it is no text.
    """
    encoding = encoding_of(data)
    if b"\0" in data and not encoding.startswith(("utf-16", "utf-32")):
        raise ValueError("not text: it holds zero bytes")
    if (cookie := _cookie(data)) and not named_encoding(data):
        raise ValueError(f"unknown encoding {cookie[:40]}")
    return data.decode(encoding)


def encoding_of(data: bytes) -> str:
    """The encoding of a file: by its mark, the zeros of UTF-16, its cookie, else UTF-8 or latin-1.

    A cookie that names no encoding does not count.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if guess := _unmarked(data[:_SAMPLE_BYTES]):
        return guess
    if named := named_encoding(data):
        return named
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def named_encoding(data: bytes) -> str:
    """The encoding that a file's cookie names; empty where there is none for text."""
    cookie = _cookie(data)
    try:
        "a".encode(cookie or "utf-8")
    except (LookupError, ValueError):
        return ""
    return codecs.lookup(cookie).name if cookie else ""


def _cookie(data: bytes) -> str:
    hits = (_COOKIE.match(line) for line in data[:_SAMPLE_BYTES].splitlines()[:2])
    return next((hit[1].decode() for hit in hits if hit), "")


def _unmarked(sample: bytes) -> str:
    """UTF-16 without a mark: every other byte of plain text is zero."""
    pairs = len(sample) // 2
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if pairs < 2:
        return ""
    if odd > pairs * 0.8 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.8 and odd == 0 else ""


def lines_of(text: str) -> list[str]:
    """Lines as an editor counts them: unlike `splitlines`, form feeds and U+2028 end no line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
