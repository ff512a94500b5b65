"""Projects inside an app that nothing starts: a finding there says nothing about what runs.

Models leave a first attempt, an example or another front end beside the app. Such a folder has a
manifest of its own, and no Dockerfile, compose service, script or source outside it names it. It is
called idle only if nothing names it in any way.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_MANIFESTS = frozenset(
    {"package.json", "requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py"}
    | {"composer.json", "go.mod", "Cargo.toml", "Gemfile", "pom.xml", "build.gradle"}
)
_ENTRIES = frozenset(
    {"Dockerfile", "Containerfile", "Procfile", "app.py", "main.py", "server.py", "run.py"}
    | {"wsgi.py", "asgi.py", "index.html", "index.js", "server.js", "app.js", "main.ts"}
)
_COMPOSE = ("compose", "docker-compose")
_SOURCES = (
    *(".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
    *(".html", ".htm", ".css"),
)
_SILENT = (".md", ".rst", ".lock", "package-lock.json", ".svg", ".csv", ".sql")
_NEVER_TOLD = frozenset({"LICENSE", "LICENCE", ".gitignore", ".gitattributes"})
_MAX_FILES = 2_000
_MAX_BYTES = 256 * 1024
_MAX_DEPTH = 3
NOTE = "It is in {folder}, which nothing starts: no Dockerfile, compose service or entry names it."


def idle_folders(root: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Folders with a project of their own (`old/`) that nothing outside them refers to.

    Empty if the root itself starts nothing: then nobody knows which of several is the app.
    """
    if not any(_is_start(name) for name in files if "/" not in name):
        return ()
    candidates = sorted(
        {folder for name in files if (folder := _project(name))}, key=lambda name: name.count("/")
    )
    idle: list[str] = []
    for folder in candidates:
        inside = any(folder.startswith(other) for other in idle)
        if not inside and not _is_named(root, folder, files, idle):
            idle.append(folder)
    return tuple(sorted(idle))


def note_for(path: str | None, idle: Sequence[str]) -> str:
    """The note on a finding at `path`; empty if the place is not known to be idle."""
    folder = next((name for name in idle if path and path.startswith(name)), "")
    return NOTE.format(folder=folder) if folder else ""


def _is_start(name: str) -> bool:
    return name in _MANIFESTS | _ENTRIES or name.startswith(_COMPOSE)


def _project(name: str) -> str:
    """The folder whose manifest this file is; empty if it is no manifest, or that of the root."""
    folder, _, base = name.rpartition("/")
    is_one = base in _MANIFESTS and folder and folder.count("/") < _MAX_DEPTH
    return f"{folder}/" if is_one else ""


def _is_named(root: Path, folder: str, files: Sequence[str], idle: Sequence[str]) -> bool:
    path = folder.rstrip("/")
    parent, _, base = path.rpartition("/")
    name = re.escape(base)
    # Anything but a word's letter before and after; in sources only as a path or a module.
    of_all = rf"|{re.escape(parent)}/\*" if parent else ""  # workspaces: packages/*
    word = re.compile(rf"(?<![\w-]){name}(?![\w-]){of_all}")
    quoted = re.compile(
        rf"""["'`/]{name}["'`/]|^\s*(?:from|import)\s+\.*(?:[\w.]+\.)?{name}\b|\.{name}\b""", re.M
    )
    others = [
        name for name in files if not name.startswith((folder, *idle)) and not _says_nothing(name)
    ]
    if len(others) > _MAX_FILES:
        return True  # too many to read
    return any(
        (quoted if name.endswith(_SOURCES) else word).search(text)
        for name, text in _texts(root, others)
    )


def _says_nothing(name: str) -> bool:
    return name.endswith(_SILENT) or name.rpartition("/")[2] in _NEVER_TOLD


def _texts(root: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            with (root / name).open("rb") as file:
                yield name, file.read(_MAX_BYTES).decode(errors="replace")
        except OSError:
            continue
