"""Identity of an app's source tree: one rule for whoever computes, sends or checks it.

Covered is every regular file whose path has no segment in `IGNORED_DIRS`; symbolic links, devices and
empty folders are not. The rule is pure; callers bring the bytes.
"""

import hashlib
from collections.abc import Iterable

IGNORED_DIRS = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})


def is_covered(relative_path: str) -> bool:
    """Whether a regular file at this relative POSIX path is part of the tree's identity."""
    return IGNORED_DIRS.isdisjoint(relative_path.split("/"))


class TreeDigest:
    """sha256 over the sorted list of (path, size, sha256 of content) of the covered files.

    Files may be added in any order; each as the path and the digest of its content, so that nobody
    holds a large file in memory.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.files = 0
        self.size_bytes = 0

    def add(self, relative_path: str, size_bytes: int, content_sha256: str) -> None:
        """Count one covered file; names that are not UTF-8 keep their bytes (`surrogateescape`)."""
        name = relative_path.encode("utf-8", "surrogateescape")
        self._lines.append(name + f"\0{size_bytes}\0{content_sha256}\n".encode())
        self.files += 1
        self.size_bytes += size_bytes

    def hexdigest(self) -> str:
        """The tree's digest, 64 hexadecimal digits."""
        return hashlib.sha256(b"".join(sorted(self._lines))).hexdigest()


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """Digest of a small tree given as (relative path, content).

    >>> digest_of([("b", b"2"), ("a", b"1")]) == digest_of([("a", b"1"), ("b", b"2")])
    True
    """
    tree = TreeDigest()
    for path, content in files:
        if is_covered(path):
            tree.add(path, len(content), hashlib.sha256(content).hexdigest())
    return tree.hexdigest()
