"""Copies of an app's files in the form that the tools get."""

import codecs
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from analyzers.runtime.source.text import encoding_of, named_encoding

_FENCE = re.compile(rb"\s*(?:```|~~~)[\w+#.-]*[ \t]*\r?\n")
_CR_ALONE = re.compile(rb"\r(?!\n)")
_HEAD_BYTES = 256
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def as_utf8(data: bytes) -> bytes:
    """Text with a mark of UTF-16 or UTF-32, in UTF-8; anything else unchanged."""
    if not data.startswith((*_UTF16, *_UTF32)):
        return data
    coding = "utf-32" if data.startswith(_UTF32) else "utf-16"
    return data.decode(coding, errors="replace").encode()


def in_utf8(data: bytes) -> bytes:
    """Python source that names another encoding, in UTF-8; anything else unchanged."""
    encoding = named_encoding(data)
    return data.decode(encoding, errors="replace").encode() if encoding else data


def plain(data: bytes) -> bytes:
    """Text in UTF-8 without a mark, whose lines end with LF; a single CR becomes an LF in place."""
    encoding = encoding_of(data)
    if encoding.startswith("utf"):
        data = data.removeprefix(codecs.BOM_UTF8)
    else:
        data = data.decode(encoding, errors="replace").encode()
    return _CR_ALONE.sub(b"\n", data)


def copy_files(
    root: Path, files: Iterable[str], target: Path, change: Callable[[bytes], bytes] = bytes
) -> None:
    """Copy `files` below the new folder `target`, each as `change` leaves it.

    A file whose mark says UTF-16 is copied in UTF-8, because browsers and compilers read it. Python
    does not, so Python files stay unchanged.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        data = (root / name).read_bytes()
        destination.write_bytes(change(data if name.endswith(".py") else as_utf8(data)))


def is_fenced(path: Path) -> bool:
    """Whether the text begins with a Markdown code fence: a model's answer saved unchanged.

    In JavaScript a fence is a template literal, so that parsers read the file as one long text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _FENCE.match(head.removeprefix(codecs.BOM_UTF8)) is not None
