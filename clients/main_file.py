"""The file that represents a whole app: how it is run, what it is made of, or where it begins."""

from collections.abc import Iterable

_STANDING = (
    *("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml", "dockerfile"),
    *("package.json", "pyproject.toml", "requirements.txt", "pipfile"),
    *("app.py", "main.py", "manage.py", "server.js", "index.js", "app.js", "main.js"),
    *("index.html", "readme.md"),
)
_RANKS = {name: rank for rank, name in enumerate(_STANDING)}


def main_file(names: Iterable[str]) -> str:
    """One of `names` (relative POSIX paths); empty when none of them can be written as text.

    Known names come first, then files nearer to the root. Without a known name, the first file
    wins.
    """
    return min((name for name in names if _is_text(name)), key=_how_little, default="")


def _how_little(name: str) -> tuple[bool, int, int, str]:
    """Sort key: the smaller, the better a file represents its app."""
    folder, _, last = name.rpartition("/")
    rank = _RANKS.get(last.lower(), len(_RANKS))
    return rank == len(_RANKS), folder.count("/") + bool(folder), rank, name


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
