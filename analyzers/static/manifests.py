"""An app's dependency manifests, read as data: what it pins, and what it does not."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.analysis import Coverage, Skipped

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([A-Za-z0-9.!+_-]+)$")
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
_VERSION = re.compile(r"^[\^~=v]*(\d+\.\d+\.\d+(?:-[\w.]+)?)$")


@dataclass(frozen=True, slots=True)
class Dependency:
    """One line of a manifest.

    Attributes:
        version: exact version, the lowest one a range allows for npm; empty where there is none.
        line: from 1.
        exact: the manifest names exactly this version.
    """

    path: str
    line: int
    name: str
    version: str = ""
    exact: bool = False

    @property
    def label(self) -> str:
        """`flask==1.0 (requirements.txt)`."""
        return f"{self.name}=={self.version or '?'} ({self.path})"


def python_manifests(files: Sequence[str]) -> tuple[str, ...]:
    """Requirements files: `requirements.txt`, `requirements-dev.txt`, `requirements/base.txt`."""
    return tuple(
        name
        for name in files
        if name.endswith(".txt") and "requirements" in "/".join(name.split("/")[-2:])
    )


def npm_manifests(files: Sequence[str], base: str = "package.json") -> tuple[str, ...]:
    """Files with this base name."""
    return tuple(name for name in files if name.rpartition("/")[2] == base)


def read_requirements(root: Path, path: str) -> Iterator[Dependency]:
    """Dependencies of one requirements file; options, addresses and includes are none."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"\s#|;|\s--", raw.strip())[0].strip().rstrip("\\").strip()
        if not line or line.startswith(("#", "-")):
            continue
        if match := _PINNED.match(line):
            yield Dependency(path, number, match[1].lower(), match[2], exact=True)
        elif match := _NAME.match(line):
            yield Dependency(path, number, match[1].lower())


def read_package(root: Path, path: str) -> Iterator[Dependency]:
    """Direct dependencies of a `package.json`. Raises: ValueError when it is no such file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    document = _object(text)
    lines = text.splitlines()
    for section in ("dependencies", "devDependencies"):
        entries = document.get(section, {})
        for name, wanted in entries.items() if isinstance(entries, dict) else ():
            number = next((n for n, line in enumerate(lines, 1) if f'"{name}"' in line), 1)
            match = _VERSION.match(str(wanted).strip())
            exact = bool(match) and str(wanted).strip()[:1].isdigit()
            yield Dependency(path, number, name, match[1] if match else "", exact=exact)


def read_package_lock(root: Path, path: str) -> Iterator[Dependency]:
    """Every package of a lock file. Raises: ValueError when it is no such file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    packages = _object(text).get("packages", {})
    if not isinstance(packages, dict):
        raise ValueError("packages is no object")
    lines = {
        line.strip(): n for n, line in enumerate(text.splitlines(), 1) if "node_modules/" in line
    }
    for place, entry in packages.items():
        if place and isinstance(entry, dict) and "version" in entry:
            number = lines.get(f'"{place}": {{', 1)
            name = place.rpartition("node_modules/")[2]
            yield Dependency(path, number, name, str(entry["version"]), exact=True)


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def dependency_coverage(found: Sequence[Dependency], reached: Sequence[Dependency]) -> Coverage:
    """Dependencies given and reached; the others are not pinned, or got no answer."""
    done = set(reached)
    missing = [item for item in found if item not in done]
    return Coverage(
        unit="dependencies",
        given=len(found),
        reached=len(found) - len(missing),
        skipped=tuple(
            Skipped(
                what=item.label,
                reason="no answer from the source" if item.version else "no exact version",
            )
            for item in missing[:50]
        ),
        skipped_total=len(missing),
        items=tuple(item.label for item in reached[:200]),
    )
