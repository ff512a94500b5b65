"""The build context: a tar made by us, so that nothing outside the app folder reaches an image."""

import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients import blame
from clients.blame import fault
from contract.errors import ErrorCode, PlatformError

ALWAYS_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
DOCKERFILE_NAME = ".assay.Dockerfile"
_KINDS = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})


@dataclass(frozen=True, slots=True)
class Context:
    """A build context: a tar, and notes on the files that a tar cannot hold."""

    data: bytes
    notes: tuple[str, ...] = ()


def pack_context(context: Path, dockerfile: str, limit_bytes: int) -> Context:
    """Tar of `context` with `dockerfile` as `DOCKERFILE_NAME`; the folder itself is never changed.

    `.dockerignore` is honoured; version control, virtual environments and installed packages are
    always left out. Symbolic links are kept as they are and never followed: the engine resolves
    them within the context. Owners and times are fixed, so that equal trees give equal bytes.

    Raises:
        PlatformError: the context is larger than `limit_bytes`, or a file cannot be read.
    """
    try:
        return _pack(context, dockerfile, limit_bytes)
    except OSError as error:
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, f"cannot read {error.filename}: {error.strerror}"
        ) from error


def _pack(context: Path, dockerfile: str, limit_bytes: int) -> Context:
    ignored = IgnoreRules.read(context)
    buffer = io.BytesIO()
    odd: list[str] = []
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        _add_text(archive, DOCKERFILE_NAME, dockerfile)
        # The engine removes the files named here after it has read the Dockerfile. So neither file
        # is copied into the image, where a scanner would find it.
        _add_text(archive, ".dockerignore", f"{DOCKERFILE_NAME}\n.dockerignore\n")
        for path in _walk(context, context, ignored):
            name = path.relative_to(context).as_posix()
            found = path.lstat()
            if stat.S_IFMT(found.st_mode) not in _KINDS:
                odd.append(name)
                continue
            size = found.st_size if stat.S_ISREG(found.st_mode) else 0
            if buffer.tell() + size > limit_bytes:
                raise _too_large(name, size, limit_bytes)
            _add(archive, path, name)
    text = f"build context: no pipes, sockets or devices ({', '.join(odd[:3])[:200]})"
    return Context(buffer.getvalue(), (text,) if odd else ())


def _too_large(name: str, size: int, limit_bytes: int) -> Exception:
    text = f"the build context is larger than the {limit_bytes} bytes that this platform takes"
    return fault(blame.UNSUPPORTED, "build", f"{text}, with {name[:200]!r} of {size} bytes")


class IgnoreRules:
    """`.dockerignore`: patterns in order; the last match decides; `!` includes a file again."""

    def __init__(self, lines: list[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines[:500]:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            keep = text.startswith("!")
            pattern = os.path.normpath(text.lstrip("!").strip()).lstrip("/")
            self._rules.append((re.compile(_glob(pattern)), keep))

    @classmethod
    def read(cls, context: Path) -> "IgnoreRules":
        """Rules of the context's `.dockerignore`; none when there is no such file."""
        file = context / ".dockerignore"
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 65_536:
            return cls([])
        return cls(file.read_text(errors="replace").splitlines())

    @property
    def takes_back(self) -> bool:
        """Whether any rule starts with `!`: then a folder cannot be skipped as a whole."""
        return any(keep for _, keep in self._rules)

    def match(self, relative: str) -> bool:
        """Whether `relative` (POSIX) is left out, by itself or by a folder above it."""
        ignored = False
        for pattern, keep in self._rules:
            if pattern.match(relative):
                ignored = not keep
        return ignored


def _glob(pattern: str) -> str:
    """A `.dockerignore` pattern as a regular expression that matches the path and all below it."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            parts.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            parts.append(".*")
            position += 2
        else:
            character = pattern[position]
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)))
            position += 1
    return "".join(parts) + r"(?:/.*)?\Z"


def _walk(root: Path, folder: Path, ignored: IgnoreRules) -> Iterator[Path]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        left_out = ignored.match(path.relative_to(root).as_posix())
        if entry.is_dir(follow_symlinks=False):
            if entry.name in ALWAYS_LEFT_OUT or (left_out and not ignored.takes_back):
                continue
            if not left_out:
                yield path
            yield from _walk(root, path, ignored)
        elif not left_out and path != root / ".dockerignore":
            yield path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    info = archive.gettarinfo(path, arcname=name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    if info.islnk():  # a hard link to an earlier member: send the content again
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    if not info.isreg():
        archive.addfile(info)
        return
    # A regular file of a moment ago may be a pipe by now, and opening that would block for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as stream:
        archive.addfile(info, stream)


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    archive.addfile(info, io.BytesIO(data))
