"""The dependencies that an app names, read once for all tools, by a separate program.

Unreadable manifests are always reported: "the manifests name no dependencies" is true only if every
    manifest was read.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analyzers.appsource.manifests import Dependency
from analyzers.appsource.npm_projects import NpmProject
from analyzers.appsource.python_manifests import python_manifests
from analyzers.runtime.reasons import cause_of
from analyzers.runtime.tool import Command, Execute, NotApplicable, SourceTree, ToolFault, ToolRun
from contract.analysis import Coverage, SkipCause, Skipped

_PROGRAM = Path(__file__).with_name("manifest_program.py")
_SHARED = "appsource.dependencies"
_LIMIT_S = 120.0
_NPM = ("package.json", "npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock")
_NPM_MORE = ("bun.lock", "bun.lockb", "pnpm-workspace.yaml", "lerna.json")


@dataclass(frozen=True, slots=True)
class Manifests:
    """The content of all manifests.

    Attributes:
        python: dependencies in Python's manifests and in files that they include.
        npm: packages that are installed together, by lock file.
        faults: by ecosystem: file -> why it, or a part of it, could not be read.
    """

    python: tuple[Dependency, ...] = ()
    npm: tuple[NpmProject, ...] = ()
    python_faults: Mapping[str, str] = field(default_factory=dict)
    npm_faults: Mapping[str, str] = field(default_factory=dict)


def nothing_named(faults: Mapping[str, str]) -> Exception:
    """The message of a tool without any dependency: there is none, or nobody can know."""
    if not faults:
        return NotApplicable("the manifests name no dependencies")
    shown = "; ".join(f"{path}: {why}" for path, why in list(faults.items())[:5])
    more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
    return ToolFault(f"dependencies could not be read: {shown}{more}"[:1_500])


def manifest_files(source: SourceTree) -> tuple[str, ...]:
    """Files that may be manifests, also those no other tool gets (UTF-16, large lock files)."""
    withheld = (name for name, why in source.left_out if _is_withheld(why))
    names = (*source.files, *withheld)
    npm = (name for name in names if name.rpartition("/")[2] in {*_NPM, *_NPM_MORE})
    return tuple(sorted({*npm, *python_manifests(names)}))


def _is_withheld(why: str) -> bool:
    """Whether it was left out for its content, not for its place or kind."""
    return cause_of(why) in (SkipCause.BINARY, SkipCause.TOO_LARGE, SkipCause.BROKEN)


async def read_manifests(run: ToolRun, execute: Execute) -> Manifests:
    """The app's dependencies; read when a tool of the run first asks, then passed on.

    Raises:
        ToolFault: the reader failed.
    """
    known = run.shared.get(_SHARED)
    if isinstance(known, Manifests):
        return known
    files = manifest_files(run.source)
    command = Command(
        argv=(sys.executable, "-I", str(_PROGRAM), str(run.source.root)),
        stdin=json.dumps(files).encode(),
        limit_s=_LIMIT_S,
        ours=True,
    )
    done = await execute(command)
    found = parse_manifests(done.stdout)
    run.shared[_SHARED] = found
    return found


def parse_manifests(raw: bytes) -> Manifests:
    """Parse the program's output. Raises: ToolFault when it is something else."""
    try:
        document: dict[str, Any] = json.loads(raw)
        return Manifests(
            tuple(_dependency(row) for row in document["python"]),
            tuple(_project(row) for row in document["npm"]),
            dict(document["python_faults"]),
            dict(document["npm_faults"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"the manifest reader's output is unreadable: {error}"[:300]) from error


def _dependency(row: Sequence[Any]) -> Dependency:
    path, line, name, version, exact, why = row
    return Dependency(str(path), int(line), str(name), str(version), bool(exact), str(why))


def _project(row: Mapping[str, Any]) -> NpmProject:
    return NpmProject(
        list(row["manifests"]),
        str(row["lock"]),
        [_dependency(dependency) for dependency in row["direct"]],
        [_dependency(dependency) for dependency in row["locked"]],
        dict(row["wanted"]),
    )


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
