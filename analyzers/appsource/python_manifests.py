"""What an app's Python manifests name: requirements files, pyproject.toml, Pipfile, lock files."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.manifests import NO_PACKAGE, Dependency, json_object

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([A-Za-z0-9.!+_-]+)$")
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*:|^[./~]|^[\w.-]+(\[[^\]]*\])?\s*@\s|^[\w.-]+/|\.whl$")
_EDITABLE = re.compile(r"^(?:-e|--editable)[ =]\s*")
_EXACT = re.compile(r"^===?\s*([A-Za-z0-9.!+_-]+)$|^(\d[A-Za-z0-9.!+_-]*)$")


def python_manifests(files: Sequence[str]) -> tuple[str, ...]:
    """Manifests of an app; where a lock file says it exactly, not the one it was made from."""
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
    """Dependencies of all manifests; and the manifests that are none, each with the reason."""
    found: list[Dependency] = []
    faults: dict[str, str] = {}
    for path in manifests:
        reader = _reader(path)
        text = (root / path).read_text(encoding="utf-8-sig", errors="replace")
        try:
            found += reader(path, text) if reader else ()
        except (ValueError, RecursionError) as error:
            faults[path] = f"cannot be read: {error}"[:300]
    return found, faults


def read_requirements(path: str, text: str) -> Iterator[Dependency]:
    """Dependencies of one requirements file; options and includes are none."""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _EDITABLE.sub("./", raw.strip()) if _EDITABLE.match(raw.strip()) else raw.strip()
        line = re.split(r"\s#|\s--|\s*\\$", line)[0].strip()
        if line and not line.startswith(("#", "-")):
            yield from _requirement(path, number, line)


def _requirement(path: str, number: int, text: str) -> Iterator[Dependency]:
    """One requirement in the notation of PEP 508, or an address as pip takes it."""
    if _ADDRESS.search(text):
        yield Dependency(path, number, _address_name(text), why=NO_PACKAGE)
        return
    line = text.partition(";")[0].strip()
    if match := _PINNED.match(line):
        yield Dependency(path, number, canonical(match[1]), match[2], exact=True)
    elif match := _NAME.match(line):
        yield Dependency(path, number, canonical(match[1]))


def _address_name(text: str) -> str:
    """A name for people; what stands before `@` in an address may be a password."""
    if match := re.search(r"#egg=([\w.-]+)", text) or re.match(
        r"([\w.-]+)(?:\[[^\]]*\])?\s*@\s", text
    ):
        return canonical(match[1])
    return re.sub(r"//[^/@]*@", "//", text)[:200]


def canonical(name: str) -> str:
    """A project's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_pyproject(path: str, text: str) -> Iterator[Dependency]:
    document = tomllib.loads(text)
    project = _table(document, "project")
    groups = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    groups += _table(document, "dependency-groups").values()
    for requirement in (item for group in groups for item in _strings(group)):
        yield from _requirement(path, _line_of(text, requirement), requirement)
    poetry = _table(_table(document, "tool"), "poetry")
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
    """A name and what a table wants of it: a version, or a table with one or with an address."""
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
}
_LOCKS = {
    "pyproject.toml": ("pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"),
    "Pipfile": ("Pipfile.lock",),
}


def _reader(name: str) -> Reader | None:
    if name.endswith(".txt") and "requirements" in "/".join(name.split("/")[-2:]):
        return read_requirements
    return _READERS.get(name.rpartition("/")[2])


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _tables(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [value for value in document.values() if isinstance(value, dict)]


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _line_of(text: str, words: str) -> int:
    """Line on which `words` stand first; the first line where they do not."""
    place = text.find(words)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1
