"""Lock files of yarn (both formats) and pnpm; YAML of strangers, read within limits."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from analyzers.appsource.manifests import (
    NO_PACKAGE,
    Dependency,
    manifest_text,
    read_package_lock,
)
from analyzers.runtime.source.text import lines_of

NPM_LOCKS = ("npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock")
"""In this order: the first one found beside a `package.json` counts."""
UNREADABLE_LOCKS = {"bun.lockb": "bun's binary lock file is read by bun alone"}
_MAX_INDENT = 200
_MAX_FLOW = 100
_ENTRY = re.compile(r'^"?(@?[^@"\s]+)@(.+?)"?$')
_ELSEWHERE = re.compile(r"^(?:git|https?:|file:|link:|portal:|patch:|github:)|\.git(?:#|$)")
_PNPM = re.compile(r"^/?(@?[^@/]+(?:/[^@/]+)?)[@/](\d[^(_]*)")
_BUN = re.compile(r'^\s*"[^"]+":\s*\["(@?[^@"]+)@([^"]+)"')


def read_npm_lock(root: Path, path: str) -> list[Dependency]:
    """Every package of a lock file. Raises: ValueError when it cannot be read."""
    base = path.rpartition("/")[2]
    if base in UNREADABLE_LOCKS:
        raise ValueError(UNREADABLE_LOCKS[base])
    if base == "yarn.lock":
        return list(_yarn(path, manifest_text(root, path)))
    if base == "pnpm-lock.yaml":
        return list(_pnpm(path, manifest_text(root, path)))
    if base == "bun.lock":
        return list(_bun(path, manifest_text(root, path)))
    return list(read_package_lock(root, path))


def load_yaml(text: str) -> Any:
    """A YAML document. Raises: ValueError when it is none, or nested too deep for the parser."""
    for line in lines_of(text):
        indent = len(line) - len(line.lstrip(" -"))
        if indent > _MAX_INDENT or line.count("[") + line.count("{") > _MAX_FLOW:
            raise ValueError("nested too deep")
    if text.count("[") + text.count("{") > 100 * _MAX_FLOW and text.count("\n") < _MAX_FLOW:
        raise ValueError("nested too deep")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where there is one
    except (yaml.YAMLError, RecursionError) as error:
        first = str(error).strip().splitlines()[:1]
        raise ValueError(f"no YAML: {' '.join(first)}"[:200]) from error


def _yarn(path: str, text: str) -> Iterator[Dependency]:
    if re.search(r"^__metadata:", text, re.MULTILINE):
        yield from _berry(path, text)
        return
    if "yarn lockfile" not in text[:500] and text.strip():
        raise ValueError("no lock file of yarn")
    name, line, elsewhere = "", 1, False
    for number, raw in enumerate(lines_of(text), 1):
        if raw and not raw[0].isspace() and not raw.startswith("#"):
            entry = _ENTRY.match(raw.rstrip().rstrip(":").split(",")[0].strip())
            if entry is None:
                raise ValueError(f"line {number} is no entry")
            name, wanted, line = entry[1], entry[2], number
            elsewhere = _ELSEWHERE.search(wanted.strip('"')) is not None
            if alias := re.match(r"npm:(@?[^@]+)@", wanted):
                name = alias[1]
        elif name and (version := re.match(r'^\s+version:? "?([^"\s]+)"?', raw)):
            if elsewhere:
                yield Dependency(path, line, name, why=NO_PACKAGE)
            else:
                yield Dependency(path, line, name, version[1], exact=True)
            name = ""


def _berry(path: str, text: str) -> Iterator[Dependency]:
    lines = _first_lines(text)
    for key, entry in _table(load_yaml(text)).items():
        resolution = str(entry.get("resolution", "")) if isinstance(entry, dict) else ""
        match = re.match(r"^(@?[^@]+)@(\w+):(.*)$", resolution)
        if match is None or match[2] == "workspace":
            continue
        line = lines.get(f'"{key}":', lines.get(f"{key}:", 1))
        if match[2] == "npm":
            yield Dependency(path, line, match[1], match[3].partition("::")[0], exact=True)
        else:
            yield Dependency(path, line, match[1], why=NO_PACKAGE)


def _pnpm(path: str, text: str) -> Iterator[Dependency]:
    document = _table(load_yaml(text))
    if "lockfileVersion" not in document:
        raise ValueError("no lock file of pnpm")
    lines = _first_lines(text)
    for key, entry in _table(document.get("packages")).items():
        line = next(
            (lines[spelling] for spelling in (f"{key}:", f"'{key}':") if spelling in lines), 1
        )
        match = _PNPM.match(str(key))
        if match is None:
            name = str(entry.get("name", key)) if isinstance(entry, dict) else str(key)
            yield Dependency(path, line, name[:200], why=NO_PACKAGE)
        else:
            yield Dependency(path, line, match[1], match[2], exact=True)


def _bun(path: str, text: str) -> Iterator[Dependency]:
    """Bun's text format: JSON with commas that JSON does not allow, one package per line."""
    if '"lockfileVersion"' not in text:
        raise ValueError("no lock file of bun")
    for number, raw in enumerate(lines_of(text), 1):
        if match := _BUN.match(raw):
            if match[2].startswith("workspace:"):
                continue
            if _ELSEWHERE.search(match[2]):
                yield Dependency(path, number, match[1], why=NO_PACKAGE)
            else:
                yield Dependency(path, number, match[1], match[2], exact=True)


def _first_lines(text: str) -> dict[str, int]:
    """Text of a line without its indent -> the number of the first such line."""
    found: dict[str, int] = {}
    for number, line in enumerate(lines_of(text), 1):
        found.setdefault(line.strip(), number)
    return found


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
