"""The npm parts of an app: each `package.json`, and the lock file that pins its dependencies.

A member of a workspace has no lock file: npm, yarn and pnpm keep one at the workspace's root.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from analyzers.appsource.manifests import (
    Dependency,
    json_object,
    manifest_text,
    npm_manifests,
    read_package,
)
from analyzers.appsource.npm_locks import NPM_LOCKS, UNREADABLE_LOCKS, load_yaml, read_npm_lock

_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")


@dataclass(slots=True)
class NpmProject:
    """Packages that are installed together.

    Attributes:
        manifests: `package.json` files, a workspace's root first.
        lock: the file that pins them all; empty where there is none.
        direct: dependencies that the manifests name.
        locked: every package of the lock file.
        wanted: section -> name -> range, of all manifests.
    """

    manifests: list[str]
    lock: str = ""
    direct: list[Dependency] = field(default_factory=list)
    locked: list[Dependency] = field(default_factory=list)
    wanted: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def dependencies(self) -> list[Dependency]:
        """All that is installed, as far as known, each at the line that asks for it by name."""
        if not self.lock:
            return self.direct
        asked = {item.name: item for item in reversed(self.direct)}
        return [
            replace(item, path=asked[item.name].path, line=asked[item.name].line)
            if item.name in asked
            else item
            for item in self.locked
        ]

    @property
    def label(self) -> str:
        """The file that represents it."""
        return (self.manifests or [self.lock])[0]


def npm_projects(root: Path, files: Sequence[str]) -> tuple[list[NpmProject], dict[str, str]]:
    """All projects; and the files that could not be read, each with the reason."""
    known, faults = set(files), dict[str, str]()
    documents: dict[str, dict[str, Any]] = {}
    for path in npm_manifests(files):
        try:
            documents[path] = json_object(manifest_text(root, path))
        except ValueError as error:
            faults[path] = f"could not be read: {error}"[:300]
    projects: dict[str, NpmProject] = {}
    for path in sorted(documents, key=lambda name: (name.count("/"), name)):
        lock, owner = _lock_of(root, path, documents, known)
        key = lock or path
        project = projects.setdefault(key, NpmProject([], lock))
        project.manifests.append(path)
        if owner and owner not in project.manifests:
            project.manifests.insert(0, owner)
    _without_manifest(projects, files, faults)
    for project in projects.values():
        faults |= _filled(root, project, documents)
    return list(projects.values()), faults


def _without_manifest(
    projects: dict[str, NpmProject], files: Sequence[str], faults: dict[str, str]
) -> None:
    """Lock files that belong to no manifest: a second one, or one without a manifest."""
    used = {str(PurePosixPath(lock).parent): lock for lock in projects if projects[lock].lock}
    for name in (*NPM_LOCKS, *UNREADABLE_LOCKS):
        for lock in npm_manifests(files, name):
            folder = str(PurePosixPath(lock).parent)
            if lock not in projects and folder in used:
                faults[lock] = f"not read: {used[folder]} beside it is what counts"
            elif lock not in projects:
                projects[lock] = NpmProject([], lock)
                used[folder] = lock


def _filled(
    root: Path, project: NpmProject, documents: Mapping[str, dict[str, Any]]
) -> dict[str, str]:
    faults: dict[str, str] = {}
    for path in project.manifests:
        project.direct += read_package(root, path)
        for section in _SECTIONS:
            entries = documents[path].get(section)
            for name, wanted in entries.items() if isinstance(entries, dict) else ():
                project.wanted.setdefault(section, {}).setdefault(name, str(wanted))
    if project.lock:
        try:
            project.locked = _distinct(read_npm_lock(root, project.lock))
        except ValueError as error:
            faults[project.lock] = f"could not be read: {error}"[:300]
            project.lock = ""
    # A part of the app itself is nobody's dependency.
    names = {str(documents[path].get("name")) for path in project.manifests}
    project.direct = [item for item in project.direct if item.name not in names]
    return faults


def _distinct(found: Sequence[Dependency]) -> list[Dependency]:
    """Each package and version once."""
    return list({(pin.name, pin.version, pin.why): pin for pin in reversed(found)}.values())[::-1]


def _lock_of(
    root: Path, path: str, documents: Mapping[str, dict[str, Any]], known: set[str]
) -> tuple[str, str]:
    """(lock file, the workspace's own manifest) of a `package.json`; empty where there is none."""
    folder = PurePosixPath(path).parent
    if own := _lock_in(folder, known):
        return own, ""
    for above in folder.parents:
        manifest = str(above / "package.json")
        lock = _lock_in(above, known)
        if lock and _is_member(root, folder, above, documents.get(manifest), known):
            return lock, manifest if manifest in documents else ""
    return "", ""


def _lock_in(folder: PurePosixPath, known: set[str]) -> str:
    names = (str(folder / name) for name in (*NPM_LOCKS, *UNREADABLE_LOCKS))
    return next((name for name in names if name in known), "")


def _is_member(
    root: Path,
    folder: PurePosixPath,
    above: PurePosixPath,
    document: dict[str, Any] | None,
    known: set[str],
) -> bool:
    below = str(folder.relative_to(above))
    member = False
    for pattern in _patterns(root, above, document, known):
        refused = pattern.startswith("!")
        if _matches(below, pattern.removeprefix("!")):
            member = not refused
    return member


def _patterns(
    root: Path, above: PurePosixPath, document: dict[str, Any] | None, known: set[str]
) -> list[str]:
    """Patterns of a workspace's members, as npm, yarn and pnpm write them."""
    found: Any = (document or {}).get("workspaces")
    found = found.get("packages") if isinstance(found, dict) else found
    rows = [str(pattern) for pattern in found] if isinstance(found, list) else []
    for name, key in (("pnpm-workspace.yaml", "packages"), ("lerna.json", "packages")):
        path = str(above / name)
        if path in known:
            try:
                more = load_yaml(manifest_text(root, path))
            except ValueError:
                continue
            listed = more.get(key) if isinstance(more, dict) else None
            rows += [str(pattern) for pattern in listed] if isinstance(listed, list) else []
    return rows[:200]


def _matches(below: str, pattern: str) -> bool:
    """Whether `packages/*`, `apps/**` or `./web` matches a folder."""
    parts = re.sub(r"(\*\*/)+", "**/", pattern.removeprefix("./").strip("/"))
    if len(parts) > 200 or parts.count("*") > 8:
        return False
    text = re.escape(parts).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    text = text.replace(r"\*", "[^/]*").replace(r"\{", "(?:").replace(r"\}", ")")
    try:
        return re.fullmatch(text.replace(",", "|"), below) is not None
    except re.error:
        return False
