"""An app's dependency manifests, read as data: what npm's name, and what a dependency is at all."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.analysis import Coverage, Skipped

LOCK_FILES = frozenset(
    {"npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"}
    | {"Pipfile.lock", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"}
)
"""Written by package managers: no code, and full of digests that look like secrets."""

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
        version: exact version, the lowest one a range allows for npm; empty where there is none.
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


def lock_beside(path: str) -> str:
    """The lock file that belongs to a `package.json`, whether or not there is one."""
    return path.removesuffix("package.json") + "package-lock.json"


def read_package(root: Path, path: str) -> Iterator[Dependency]:
    """Direct dependencies of a `package.json`. Raises: ValueError when it is no such file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    document = json_object(text)
    lines = text.splitlines()
    for section in _SECTIONS:
        entries = document.get(section, {})
        for name, wanted in entries.items() if isinstance(entries, dict) else ():
            number = next((n for n, line in enumerate(lines, 1) if f'"{name}"' in line), 1)
            yield _wanted(path, number, name, str(wanted).strip())


def _wanted(path: str, line: int, name: str, wanted: str) -> Dependency:
    if _ADDRESS.match(wanted):
        return Dependency(path, line, name, why=NO_PACKAGE)
    match = _VERSION.match(wanted)
    version = (match[1] if match else "").lstrip("v")
    return Dependency(path, line, name, version, exact=bool(_EXACT.match(wanted)))


def read_package_lock(root: Path, path: str) -> Iterator[Dependency]:
    """Every package of a lock file. Raises: ValueError when it is no such file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    document = json_object(text)
    packages = document.get("packages")
    if packages is None:
        yield from _read_old_lock(path, document)
        return
    if not isinstance(packages, dict):
        raise ValueError("packages is no object")
    lines = {
        line.strip(): n for n, line in enumerate(text.splitlines(), 1) if "node_modules/" in line
    }
    for place, entry in packages.items():
        if "node_modules/" in place and isinstance(entry, dict) and "version" in entry:
            number = lines.get(f'"{place}": {{', 1)
            name = place.rpartition("node_modules/")[2]
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
    """The object a JSON text holds. Raises: ValueError when it is none."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def dependency_coverage(
    found: Sequence[Dependency],
    reached: Sequence[Dependency],
    reasons: Mapping[Dependency, str] | None = None,
) -> Coverage:
    """Dependencies given and reached; the others are not pinned, or got no answer."""
    done = set(reached)
    missing = [item for item in found if item not in done]
    return Coverage(
        unit="dependencies",
        given=len(found),
        reached=len(found) - len(missing),
        skipped=tuple(
            Skipped(
                what=item.label[:500], reason=((reasons or {}).get(item) or _unasked(item))[:500]
            )
            for item in missing[:50]
        ),
        skipped_total=len(missing),
        items=tuple(item.label for item in reached[:200]),
    )


def _unasked(item: Dependency) -> str:
    if item.why:
        return item.why
    return "no answer from the source" if item.exact else "no exact version"
