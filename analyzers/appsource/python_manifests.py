"""The dependencies in an app's Python manifests: requirements, pyproject.toml, Pipfile, locks."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.manifests import NO_PACKAGE, Dependency, json_object, manifest_text
from analyzers.appsource.requirements import (
    Requirements,
    canonical,
    constraint_files,
    read_requirements,
    requirement_of,
)
from analyzers.appsource.setup_files import read_conda, read_setup_cfg, read_setup_py

_EXACT = re.compile(r"^===?\s*([A-Za-z0-9.!+_-]+)$|^(\d[A-Za-z0-9.!+_-]*)$")


def python_manifests(files: Sequence[str]) -> tuple[str, ...]:
    """Manifests of an app; a lock file replaces the manifest that it was made from."""
    known = set(files)
    return tuple(
        name
        for name in files
        if _reader(name)
        and not any(
            name.endswith(wish) and name.removesuffix(wish) + lock in known
            for wish, locks in _LOCKS.items()
            for lock in locks
        )
    )


def read_python(root: Path, manifests: Sequence[str]) -> tuple[list[Dependency], dict[str, str]]:
    """Dependencies of all manifests and their includes; and unreadable files with the reason."""
    plain = [path for path in manifests if is_requirements(path)]
    requirements = Requirements(root)
    pinning = constraint_files(root, plain)
    for path in plain:
        if path not in pinning:
            requirements.read(path)
    found: list[Dependency] = []
    for path in manifests:
        reader = _reader(path)
        if reader is None or path in plain:
            continue
        try:
            text = manifest_text(root, path)
            found += reader(path, text)
            for name in _included(path, text):
                requirements.read(name, included_by=path)
        except (ValueError, RecursionError) as error:
            requirements.faults[path] = f"could not be read: {error}"[:300]
    both = [*requirements.pinned(), *found]
    return list(dict.fromkeys(both)), requirements.faults


def _included(path: str, text: str) -> list[str]:
    """Requirements files that a `pyproject.toml` takes its dependencies from (setuptools)."""
    if not path.endswith("pyproject.toml"):
        return []
    dynamic = _table(_table(_table(tomllib.loads(text), "tool"), "setuptools"), "dynamic")
    found: list[str] = []
    for entry in [dynamic.get("dependencies"), *_table(dynamic, "optional-dependencies").values()]:
        named = entry.get("file") if isinstance(entry, dict) else None
        names = [named] if isinstance(named, str) else _strings(named)
        found += [os.path.normpath(os.path.join(os.path.dirname(path), name)) for name in names]
    return [name for name in found if not name.startswith(("/", ".."))]


def _read_pyproject(path: str, text: str) -> Iterator[Dependency]:
    document = tomllib.loads(text)
    project = _table(document, "project")
    groups = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    groups += _table(document, "dependency-groups").values()
    for requirement in (item for group in groups for item in _strings(group)):
        yield from requirement_of(path, _line_of(text, requirement), requirement)
    tool = _table(document, "tool")
    pdm = _table(_table(tool, "pdm"), "dev-dependencies")
    for requirement in (item for group in pdm.values() for item in _strings(group)):
        yield from requirement_of(path, _line_of(text, requirement), requirement)
    for requirement in _strings(_table(tool, "uv").get("dev-dependencies")):
        yield from requirement_of(path, _line_of(text, requirement), requirement)
    poetry = _table(tool, "poetry")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(group, "dependencies") for group in _tables(_table(poetry, "group"))]
    for name, wanted in (pair for table in tables for pair in table.items()):
        if name != "python":
            yield _wanted(path, _line_of(text, name), name, wanted)


def _read_pipfile(path: str, text: str) -> Iterator[Dependency]:
    document = tomllib.loads(text)
    for section in ("packages", "dev-packages"):
        for name, wanted in _table(document, section).items():
            yield _wanted(path, _line_of(text, name), name, wanted)


def _wanted(path: str, line: int, name: str, wanted: Any) -> Dependency:
    """A name and its value in a table: a version, or a table with a version or an address."""
    if isinstance(wanted, dict):
        if not wanted.keys().isdisjoint(("git", "path", "url", "file")):
            return Dependency(path, line, canonical(name), why=NO_PACKAGE)
        wanted = wanted.get("version", "")
    match = _EXACT.match(str(wanted).strip())
    if match is None:
        return Dependency(path, line, canonical(name))
    return Dependency(path, line, canonical(name), match[1] or match[2], exact=True)


def _read_toml_lock(path: str, text: str) -> Iterator[Dependency]:
    """poetry.lock, uv.lock, pdm.lock and pylock.toml: an array of packages."""
    document = tomllib.loads(text)
    entries = document.get("package", document.get("packages"))
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            source = _table(entry, "source")
            if {"virtual", "editable"} & source.keys():
                continue  # the app itself
            line = _line_of(text, f'name = "{entry["name"]}"')
            elsewhere = {"git", "url", "directory", "path"} & {*source, str(source.get("type"))}
            wanted = {"path": ""} if elsewhere else f"=={entry.get('version', '')}"
            yield _wanted(path, line, entry["name"], wanted)


def _read_pipfile_lock(path: str, text: str) -> Iterator[Dependency]:
    document = json_object(text)
    for section in ("default", "develop"):
        for name, entry in _table(document, section).items():
            yield _wanted(path, _line_of(text, f'"{name}"'), name, entry)


Reader = Callable[[str, str], Iterator[Dependency]]
_READERS: dict[str, Reader] = {
    "Pipfile": _read_pipfile,
    "Pipfile.lock": _read_pipfile_lock,
    "pdm.lock": _read_toml_lock,
    "poetry.lock": _read_toml_lock,
    "pylock.toml": _read_toml_lock,
    "pyproject.toml": _read_pyproject,
    "uv.lock": _read_toml_lock,
    "setup.py": read_setup_py,
    "setup.cfg": read_setup_cfg,
    "environment.yml": read_conda,
    "environment.yaml": read_conda,
}
_LOCKS = {
    "pyproject.toml": ("pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"),
    "Pipfile": ("Pipfile.lock",),
}


def is_requirements(name: str) -> bool:
    """Whether a file is one of pip's requirements, by its own or its folder's name."""
    last = "/".join(name.lower().split("/")[-2:])
    return name.lower().endswith((".txt", ".pip")) and "requirement" in last


def _reader(name: str) -> Reader | None:
    if is_requirements(name):
        return read_requirements
    base = name.rpartition("/")[2]
    return _READERS.get("pylock.toml" if re.fullmatch(r"pylock(\.[^.]+)?\.toml", base) else base)


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _tables(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [value for value in document.values() if isinstance(value, dict)]


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _line_of(text: str, words: str) -> int:
    """The first line with `words`; the first line of the file where there is none."""
    place = text.find(words)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1
