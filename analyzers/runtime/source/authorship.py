"""Whose work a file or folder is: decided by what lies there, never by a name alone.

People call their own packages `vendor`, `env`, `build`, `coverage`. Folders that a package manager,
a compiler or a report generator made are recognised by what they contain.
"""

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from analyzers.runtime.reasons import built, compiled, vendored

ALWAYS_VENDORED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "bower_components", "jspm_packages", "site-packages"}
    | {".venv", ".tox", ".nox"}
)
ALWAYS_BUILT = frozenset(
    {".next", ".nuxt", ".svelte-kit", ".output", ".vite", ".parcel-cache", ".turbo", ".cache"}
    | {".pytest_cache", ".mypy_cache", ".ruff_cache", "__pycache__", ".assay"}
)
_COPIES = frozenset(
    {"vendor", "vendors", "vendored", "third_party", "third-party", "thirdparty", "3rdparty"}
    | {"external", "externals", "lib", "libs"}
)
_OUTPUTS = frozenset(
    {"dist", "build", "out", "output", "target", "public", "www", "lib", "es", "esm", "cjs", "umd"}
)
_SCRIPTS = (".js", ".mjs", ".cjs", ".css")
_WRITTEN = (".py", ".ts", ".tsx", ".jsx", ".vue", ".svelte", ".mts", ".cts", ".astro")
_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
_REPORTS = frozenset(
    {"lcov.info", "lcov-report", "coverage-final.json", "coverage-summary.json", "clover.xml"}
    | {"cobertura-coverage.xml", "coverage.xml", "coverage.json", "status.json"}
)
_REPORT_FILES = ("coverage_html*", "*.html", "*.css", "*.js", "*.png", ".gitignore", "*.json")
_ENVIRONMENT = frozenset(
    {"pyvenv.cfg", "include", "Include", "share", "etc", "lib64", ".gitignore", ".lock"}
    | {"pip-selfcheck.json", "CACHEDIR.TAG"}
)
_OUTPUT_MARKS = frozenset(
    {"BUILD_ID", "build-manifest.json", "asset-manifest.json", "CMakeCache.txt", ".vite"}
)
_COMPILED = (
    *(b"__webpack_require__", b"webpackBootstrap", b"webpackChunk", b"__esModule"),
    *(b"__commonJS", b"__defProp = Object.defineProperty", b"_interopRequireDefault"),
    *(b"/******/ (", b"parcelRequire", b"System.register("),
)
_BANNER = re.compile(
    rb"(?i)@licen[sc]e|licen[sc]ed under|released under|permission is hereby granted"
    rb"|\bcopyright\b|\(c\)\s*\d{4}|spdx-license-identifier"
)
_VERSIONED = re.compile(rb"\bv?\d+\.\d+(\.\d+)?\b")
_OUT_DIR = re.compile(r'"(?:outDir|declarationDir)"\s*:\s*"(?:\./)?([\w.-]+)')
_LICENCES = ("LICENSE*", "LICENCE*", "COPYING*", "license*", "licence*")
_HEAD_BYTES = 16 * 1024
_TAIL_BYTES = 512
_MAX_SAMPLE = 60
_MAX_RECORD_BYTES = 1024 * 1024


def foreign_entries(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Entries of `folder` that are not the app's own work, each with the reason.

    Args:
        folder: what was listed.
        names: its entries.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        if name in ALWAYS_VENDORED:
            found[name] = vendored()
        elif name in ALWAYS_BUILT:
            found[name] = built()
    found |= _environment(folder, names) | _installed(folder, names) | _reported(folder, names)
    if folder.name in _COPIES:
        found |= _copied(folder, [name for name in names if name not in found])
    return found


def folder_reason(folder: Path, declared: Collection[str] = ()) -> str:
    """Why nothing in `folder` is the app's own work; empty if some of it may be.

    Args:
        folder: a folder of the app.
        declared: names of sibling folders that a project file declares as output, see `outputs_of`.
    """
    try:
        names = set(os.listdir(folder))
    except OSError:
        return ""
    if "CACHEDIR.TAG" in names and _head(folder / "CACHEDIR.TAG").startswith(_CACHE_TAG):
        return built("CACHEDIR.TAG says so")
    if "conda-meta" in names:
        return vendored("a conda environment")
    inside = foreign_entries(folder, names)
    if inside and len(inside) == len(names) and inside.keys() - ALWAYS_VENDORED - ALWAYS_BUILT:
        return next(why for _, why in sorted(inside.items()) if ":" in why)
    if folder.name in _COPIES and (manager := _package_manager(names)):
        return vendored(manager)
    if folder.name in _OUTPUTS or folder.name in declared:
        return _output_reason(folder, names)
    return ""


def _package_manager(names: Collection[str]) -> str:
    if {"autoload.php", "composer"} <= set(names):
        return "Composer's packages"
    return "Go's packages" if "modules.txt" in names else ""


def _output_reason(folder: Path, names: set[str]) -> str:
    if mark := min(names & _OUTPUT_MARKS, default=""):
        return built(f"{mark} lies in it")
    if any(name.startswith("bdist.") for name in names):
        return built("setuptools' folder")
    return _all_compiled(folder)


def outputs_of(folder: Path, names: Collection[str]) -> frozenset[str]:
    """Names of folders beside a project file that it declares as the compiler's output."""
    found: set[str] = set()
    for name in names:
        if fnmatchcase(name, "tsconfig*.json"):
            found |= set(_OUT_DIR.findall(_head(folder / name).decode(errors="replace")))
    with suppress(ValueError, AttributeError, TypeError):
        project = json.loads(_head(folder / "package.json")) if "package.json" in names else {}
        entries = [project.get(key) for key in ("main", "module", "browser", "types", "unpkg")]
        if any(key in project.get("scripts", {}) for key in ("build", "compile", "prepare")):
            paths = [str(entry).removeprefix("./") for entry in entries if isinstance(entry, str)]
            found |= {path.partition("/")[0] for path in paths if "/" in path}
    return frozenset(found)


def is_compiled(path: Path) -> bool:
    """Whether a compiler or bundler wrote a script or style sheet: it leaves marks in the text.

    Ask only about files in an output folder: elsewhere a mark alone proves nothing.
    """
    head = _head(path)
    if any(mark in head for mark in _COMPILED):
        return True
    lines = head.count(b"\n") + 1
    return len(head) / lines > 500 or b"sourceMappingURL=" in _tail(path)


def in_output_folder(relative_path: str, declared: Collection[str] = ()) -> bool:
    """Whether a folder of the path has a name that is usual for output."""
    return any(part in _OUTPUTS or part in declared for part in relative_path.split("/")[:-1])


def _environment(folder: Path, names: Collection[str]) -> dict[str, str]:
    """The entries of a virtual environment; other files beside them may be the app's own."""
    activates = [name for name in ("bin", "Scripts") if (folder / name / "activate").is_file()]
    if "pyvenv.cfg" not in names and not activates:
        return {}
    found: set[str] = set()
    for name in names:
        inside = _listed(folder / name)
        programs = name in ("bin", "Scripts") and any(
            item.startswith(("activate", "python")) for item in inside
        )
        library = name in ("lib", "lib64", "Lib") and any(
            item.startswith("python3") or item == "site-packages" for item in inside
        )
        if programs or library:
            found.add(name)
    beside = _ENVIRONMENT & set(names) if found else set[str]()
    return dict.fromkeys(found | beside, vendored("a virtual environment"))


def _installed(folder: Path, names: Collection[str]) -> dict[str, str]:
    """What `pip install --target` wrote here: its records list every file."""
    found: dict[str, str] = {}
    for info in (name for name in names if name.endswith(".dist-info")):
        record = folder / info / "RECORD"
        text = _head(record, _MAX_RECORD_BYTES).decode(errors="replace")
        firsts = {line.partition(",")[0].partition("/")[0] for line in text.splitlines()}
        why = vendored(f"listed in {info}")
        found |= {name: why for name in names if name in firsts or (name == info and firsts)}
    return found


def _reported(folder: Path, names: Collection[str]) -> dict[str, str]:
    """The entries of a coverage report; sources beside it may be the app's own."""
    html = "index.html" in names and any(name.startswith("coverage_html") for name in names)
    if not html and not {"lcov.info", "lcov-report", "coverage-final.json"} & set(names):
        return {}
    why = built("a coverage report")
    if folder.name not in ("coverage", "htmlcov", "cov") and not html:
        return {name: why for name in names if name in _REPORTS}
    return {
        name: why
        for name in names
        if name in _REPORTS
        or (html and any(fnmatchcase(name, pattern) for pattern in _REPORT_FILES))
    }


def _copied(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Packages and files of other people in a vendor folder: each has its own licence."""
    found: dict[str, str] = {}
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            if why := _package_reason(path):
                found[name] = why
        elif name.endswith((*_SCRIPTS, ".py")):
            head = _head(path, 2_048)
            if _BANNER.search(head) and _VERSIONED.search(head):
                found[name] = vendored("it brings its own licence")
    return found


def _package_reason(folder: Path) -> str:
    names = _listed(folder)
    if any(fnmatchcase(name, pattern) for name in names for pattern in _LICENCES):
        return vendored("it brings its own licence")
    with suppress(ValueError, AttributeError):
        project = json.loads(_head(folder / "package.json")) if "package.json" in names else {}
        if project.get("version") and project.get("license") and not project.get("private"):
            return vendored("a published package")
    return ""


def _all_compiled(folder: Path) -> str:
    """Whether every script and style sheet has a compiler's marks."""
    sample: list[Path] = []
    for path in _files_below(folder):
        if path.name.endswith(_WRITTEN) and not path.name.endswith(".d.ts"):
            return ""
        if path.name.endswith(_SCRIPTS):
            sample.append(path)
        if len(sample) >= _MAX_SAMPLE:
            break
    is_output = bool(sample) and all(is_compiled(path) for path in sample)
    return compiled("all of its scripts are compiled") if is_output else ""


def _files_below(folder: Path) -> Iterator[Path]:
    for seen, (place, folders, names) in enumerate(os.walk(folder)):
        folders[:] = sorted(set(folders) - ALWAYS_VENDORED - ALWAYS_BUILT)
        yield from (Path(place, name) for name in sorted(names))
        if seen > _MAX_SAMPLE:
            return


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _head(path: Path, length: int = _HEAD_BYTES) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():  # reading a pipe would never end
            return b""
        with path.open("rb") as file:
            return file.read(length)
    except OSError:
        return b""


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read()
    except OSError:
        return b""
