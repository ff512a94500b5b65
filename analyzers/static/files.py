"""Copies of an app's files, as the tools are given them."""

import codecs
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from analyzers.appsource.text import encoding_of, named_encoding

_FENCE = re.compile(rb"\s*(?:```|~~~)[\w+#.-]*[ \t]*\r?\n")
_CR_ALONE = re.compile(rb"\r(?!\n)")
_HEAD_BYTES = 256
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def as_utf8(data: bytes) -> bytes:
    """Text in UTF-16 or UTF-32 that says so by its mark, in UTF-8; anything else as it is."""
    if not data.startswith((*_UTF16, *_UTF32)):
        return data
    coding = "utf-32" if data.startswith(_UTF32) else "utf-16"
    return data.decode(coding, errors="replace").encode()


def in_utf8(data: bytes) -> bytes:
    """Python source that names another encoding, in UTF-8; anything else as it is."""
    encoding = named_encoding(data)
    return data.decode(encoding, errors="replace").encode() if encoding else data


def plain(data: bytes) -> bytes:
    """Text in UTF-8 without a mark, whose lines end with LF: CR alone becomes one, in place."""
    encoding = encoding_of(data)
    if encoding.startswith("utf"):
        data = data.removeprefix(codecs.BOM_UTF8)
    else:
        data = data.decode(encoding, errors="replace").encode()
    return _CR_ALONE.sub(b"\n", data)


def copy_files(
    root: Path, files: Iterable[str], target: Path, change: Callable[[bytes], bytes] = bytes
) -> None:
    """Copy `files` below `target`, which is made, each as `change` leaves it.

    In UTF-8 where a file says by its mark that it is in UTF-16: browsers and compilers read it.
    Python does not, so its files stay as they are.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        data = (root / name).read_bytes()
        destination.write_bytes(change(data if name.endswith(".py") else as_utf8(data)))


def is_fenced(path: Path) -> bool:
    """Whether the text begins with a Markdown code fence: an answer of a model, saved as it came.

    In JavaScript a fence is a template literal, so that parsers take the file for one long text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _FENCE.match(head.removeprefix(codecs.BOM_UTF8)) is not None
