"""Ports that an app's own files name as its own: hints of where to look, never proof.

The files are a stranger's: we read a bounded part of them as text and run nothing.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from clients.source import walk_source

_SUFFIXES = frozenset(
    {
        ".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".jsx", ".tsx", ".go", ".rb", ".ru", ".php",
        ".java", ".kt", ".scala", ".cs", ".rs", ".ex", ".exs", ".sh", ".conf", ".properties",
        ".toml", ".yml", ".yaml", ".env", ".ini",
    }
)  # fmt: skip
_NAMES = frozenset({"package.json", "Procfile", ".env", "Caddyfile", "appsettings.json"})
# Files in these folders are no part of the running app.
_BESIDE = frozenset({"test", "tests", "__tests__", "spec", "e2e", "docs", "examples", "dist"})
_MAX_FILES = 400
_MAX_DEPTH = 6
_FILE_BYTES = 64 * 1024
_ALL_BYTES = 4 * 1024 * 1024
_LINE_CHARS = 300
_MAX_PORTS = 6

_ANY = r"(?:0\.0\.0\.0|\[::\]|\*)"
_HOST = rf"(?:{_ANY}|127\.0\.0\.1|localhost|\[::1\])"
_NUMBER = r"(\d{2,5})(?![\w.])"
# `PORT = 3000`, `process.env.PORT || 3000`, `getenv("APP_PORT", "3000")`, `port: 3000`, `--port
# 3000`; not `DB_PORT`: a word in front says that it is another's port.
_PORT = re.compile(
    r"(?:(?<![\w-])|--)(?:(?:app|server|http|web|api|node|flask|listen|bind)[_.-]?){0,2}port"
    r"(?![a-z])[^\w\n]{1,6}(?:\w{1,12}\([^\w\n]{0,3})?" + _NUMBER,
    re.IGNORECASE,
)
# `listen(3000)`, `app.run("0.0.0.0", 3000)`, `ListenAndServe(":3000"`, `listen 8080;`
_CALL = re.compile(
    r"(?<![a-z])(?:listen|listen_?and_?serve|serve|run|bind)(?:\w{0,3}\([ \"'`:]{0,3}|[ \t]{1,4})"
    rf"(?:{_HOST}[\"'`]?[:,][ ]?|\w{{1,20}},[ ])?(?<![\w.]){_NUMBER}",
    re.IGNORECASE,
)
# `("0.0.0.0", 3000)`, `("", 3000)`, `([0, 0, 0, 0], 3000)`, `0.0.0.0:3000`, `":3000"`; a port at
# `localhost` is as often another program's.
_ADDRESS = re.compile(
    rf"(?:{_ANY}[\"'`]?[:,][ ]?|[\"'`]:|\((?:\"\"|''|\[0, ?0, ?0, ?0\]),[ ]?){_NUMBER}"
)
# In commands: `-p 3000`, `-b :3000`, `--bind=0.0.0.0:3000`, `http.server 3000`, `runserver 3000`
_OPTION = re.compile(
    r"(?:\s-(?:[pblS]|-port|-bind|-listen|-addr(?:ess)?|-http)|\bhttp\.server|\brunserver)"
    rf"[ =](?:(?:tcp://)?{_HOST}?:)?{_NUMBER}"
)
# `${PORT:-3000}`
_DEFAULT = re.compile(rf"\$\{{\w{{0,20}}PORT:?[-=]{_NUMBER}")


def command_ports(words: Iterable[str]) -> tuple[int, ...]:
    """Ports that a container's command names, in their order."""
    text = " ".join(words)[:4_000]
    return _ports(text, (_OPTION, _DEFAULT, _PORT, _ADDRESS))


def source_ports(roots: Sequence[Path]) -> tuple[int, ...]:
    """Ports named by files below `roots`, at most six, outermost files first. Blocking."""
    found: dict[int, None] = {}
    left = _ALL_BYTES
    for path in _files(roots):
        text = _head(path)
        left -= len(text)
        for line in text.splitlines():
            if any(character.isdigit() for character in line[:_LINE_CHARS]):
                words = (_PORT, _CALL, _ADDRESS, _DEFAULT, _OPTION)
                found |= dict.fromkeys(_ports(line[:_LINE_CHARS], words))
        if len(found) >= _MAX_PORTS or left <= 0:
            break
    return tuple(found)[:_MAX_PORTS]


def _ports(text: str, patterns: Iterable[re.Pattern[str]]) -> tuple[int, ...]:
    found = [
        (match.start(), int(match[1])) for pattern in patterns for match in pattern.finditer(text)
    ]
    return tuple(dict.fromkeys(port for _, port in sorted(found) if 0 < port < 65_536))


def _files(roots: Sequence[Path]) -> list[Path]:
    """Files that may name a port, the outermost first."""
    found: list[tuple[int, str, Path]] = []
    for root in roots:
        for path in _below(root):
            parts = path.relative_to(root).parts if path != root else (path.name,)
            if len(parts) > _MAX_DEPTH or not _BESIDE.isdisjoint(parts[:-1]):
                continue
            if path.suffix in _SUFFIXES or path.name in _NAMES:
                found.append((len(parts), path.as_posix(), path))
    return [path for _, _, path in sorted(found)[:_MAX_FILES]]


def _below(root: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from walk_source(root) if root.is_dir() else iter((root,))


def _head(path: Path) -> str:
    """The beginning of a regular file; empty if there is none."""
    try:
        # A regular file of a moment ago may be a pipe by now, and opening that would block for
        # ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as stream, suppress(OSError):
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return stream.read(_FILE_BYTES).decode(errors="replace")
    return ""
