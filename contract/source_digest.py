"""Identity of an app's source tree: one rule for everybody who computes, sends or checks it.

A tree contains regular files and symbolic links (as their target text, never followed) whose path
has no folder named in `SKIPPED_FOLDERS`. The rule is pure: callers pass names and digests.
"""

import hashlib
from typing import Literal

SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", "node_modules", "site-packages", "__pycache__", ".venv", ".tox",
        ".next", ".nuxt", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".assay",
    }
)  # fmt: skip
"""Only names that nobody gives to a folder of own code; `build`, `dist` or `venv` may be such."""
MAX_FILES = 50_000
MAX_TREE_BYTES = 1024**3


def is_covered(relative_path: str) -> bool:
    """Whether an entry at this relative POSIX path is part of the tree's identity."""
    return SKIPPED_FOLDERS.isdisjoint(relative_path.split("/")[:-1])


class TreeDigest:
    """sha256 over the entries in order of their path segments.

    Each entry counts as its name's length in bytes, `:`, name, `F` (file) or `L` (link), and the 32
    bytes of its content's sha256. Entries may be added in any order.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[list[str], bytes]] = []
        self.size_bytes = 0

    @property
    def files(self) -> int:
        """How many entries were added."""
        return len(self._entries)

    def add(self, path: str, kind: Literal["F", "L"], size_bytes: int, sha256: bytes) -> None:
        """Add one covered entry; a name that is not UTF-8 keeps its bytes."""
        name = path.encode("utf-8", "surrogateescape")
        self._entries.append(
            (path.split("/"), str(len(name)).encode() + b":" + name + kind.encode() + sha256)
        )
        self.size_bytes += size_bytes

    def hexdigest(self) -> str:
        """The tree's digest, 64 hexadecimal digits."""
        ordered = sorted(self._entries, key=lambda entry: entry[0])
        return hashlib.sha256(b"".join(entry for _, entry in ordered)).hexdigest()
