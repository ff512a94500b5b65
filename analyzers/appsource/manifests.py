"""An app's dependency manifests, read as data: npm's, and what counts as a dependency."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzers.runtime.source.text import decoded, lines_of, read_bytes

LOCK_FILES = frozenset(
    {"npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"}
    | {"Pipfile.lock", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"}
)
"""Files that package managers write: no code, and full of digests that look like secrets."""

MAX_MANIFEST_BYTES = 20_000_000
NO_PACKAGE = "an address or folder, no package of the registry"
_VERSION = re.compile(r"^[\^~=v]*(\d+(?:\.\d+){0,2}(?:-[\w.]+)?)(?:\.[xX*])*$")
_EXACT = re.compile(r"^=?v?\d+\.\d+\.\d+(?:-[\w.]+)?$")
_ADDRESS = re.compile(
    r"^(?:(?!npm:)[a-z][a-z+]*:|\.{0,2}/|~/|[\w.-]+/[\w.-]+(?:#|$))", re.IGNORECASE
)
_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")


@dataclass(frozen=True, slots=True)
class Dependency:
    """One line of a manifest.

    Attributes:
        version: exact version, or for npm the lowest one of a range; empty where there is none.
        line: from 1.
        exact: the manifest names exactly this version.
        why: why no source of advisories can know it; empty where one may.
    """

    path: str
    line: int
    name: str
    version: str = ""
    exact: bool = False
    why: str = ""

    @property
    def label(self) -> str:
        """`flask==1.0 (requirements.txt)`."""
        return f"{self.name}=={self.version or '?'} ({self.path})"


def npm_manifests(files: Sequence[str], base: str = "package.json") -> tuple[str, ...]:
    """Files with this base name."""
    return tuple(name for name in files if name.rpartition("/")[2] == base)


def read_package(root: Path, path: str) -> Iterator[Dependency]:
    """Direct dependencies of a `package.json`. Raises: ValueError when it is no such file."""
    text = manifest_text(root, path)
    document = json_object(text)
    lines = lines_of(text)
    for section in _SECTIONS:
        entries = document.get(section, {})
        for name, wanted in entries.items() if isinstance(entries, dict) else ():
            number = next((n for n, line in enumerate(lines, 1) if f'"{name}"' in line), 1)
            yield _wanted(path, number, name, str(wanted).strip())


def manifest_text(root: Path, path: str) -> str:
    """A manifest's text in any encoding. Raises: ValueError when it cannot be read."""
    try:
        return decoded(read_bytes(root, path, MAX_MANIFEST_BYTES)).removeprefix("\ufeff")
    except OSError as error:
        raise ValueError(f"unreadable: {error.strerror}") from error


def _wanted(path: str, line: int, name: str, wanted: str) -> Dependency:
    if _ADDRESS.match(wanted):
        return Dependency(path, line, name, why=NO_PACKAGE)
    match = _VERSION.match(wanted)
    version = (match[1] if match else "").lstrip("v")
    return Dependency(path, line, name, version, exact=bool(_EXACT.match(wanted)))


def read_package_lock(root: Path, path: str) -> Iterator[Dependency]:
    """Every package of npm's lock file. Raises: ValueError when it is no such file."""
    text = manifest_text(root, path)
    document = json_object(text)
    packages = document.get("packages")
    if packages is None:
        yield from _read_old_lock(path, document)
        return
    if not isinstance(packages, dict):
        raise ValueError("packages is no object")
    lines = {line.strip(): n for n, line in enumerate(lines_of(text), 1) if "node_modules/" in line}
    for place, entry in packages.items():
        if "node_modules/" in place and isinstance(entry, dict) and "version" in entry:
            number = lines.get(f'"{place}": {{', 1)
            name = str(entry.get("name") or place.rpartition("node_modules/")[2])
            yield _locked(path, number, name, entry, str(entry.get("resolved", "")))


def _read_old_lock(path: str, document: dict[str, Any]) -> Iterator[Dependency]:
    """The first version of the format: dependencies within dependencies."""
    levels = [document.get("dependencies")]
    while levels:
        entries = levels.pop()
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and "version" in entry:
                yield _locked(path, 1, name, entry, str(entry["version"]))
                levels.append(entry.get("dependencies"))


def _locked(path: str, line: int, name: str, entry: Mapping[str, Any], source: str) -> Dependency:
    if source.startswith(("git", "file:", "github:")):
        return Dependency(path, line, name, why=NO_PACKAGE)
    return Dependency(path, line, name, str(entry["version"]), exact=True)


def json_object(text: str) -> dict[str, Any]:
    """The object in a JSON text. Raises: ValueError when there is none."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document
