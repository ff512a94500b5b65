"""Software bills of materials in CycloneDX: of Python's and npm's manifests and lock files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.dependencies import Manifests, dependency_coverage, nothing_named
from analyzers.appsource.manifests import Dependency, npm_manifests
from analyzers.appsource.python_manifests import python_manifests
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from analyzers.static.adapter import load_json
from analyzers.static.manifest_tool import ManifestTool
from contract.analysis import Category, Metric

_SENTINEL = "assay-sentinel"
_SENTINEL_VERSION = "1.2.3"


class Sbom(ManifestTool):
    """Adapter for `cyclonedx-py requirements`; we read npm's manifests and locks ourselves."""

    name = "cyclonedx-bom"
    looks_for = frozenset[Category]()
    file_kind = "dependency"
    suffixes = (".txt", ".toml", ".lock", "package.json")
    canary = Canary(files={"requirements.txt": "flask==3.0.0\n"})

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The command is named after the format."""
        return (str(tools_dir / "venv/bin/cyclonedx-py"),)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Manifests of both worlds."""
        return (*python_manifests(files), *npm_manifests(files))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """One cleaned requirements file, in a form that can be repeated.

        Its own check of its output takes six times as long as writing it (it builds 38 grammars
        first), and we still add npm's part to the document; we check the list here.
        """
        return (
            *(*self.program(tools_dir), "requirements", "--no-validate", "--output-reproducible"),
            *("--of", "JSON"),
            *("-o", str(workspace / "bom.json"), str(workspace / "requirements.txt")),
        )

    def faults(self, found: Manifests) -> Mapping[str, str]:
        """All manifests that could not be read."""
        return {**found.python_faults, **found.npm_faults}

    async def look(
        self, run: ToolRun, found: Manifests, faults: Mapping[str, str], execute: Execute
    ) -> Parsed:
        """Attach `bom.json`; coverage counts the dependencies with an exact version."""
        npm = [item for project in found.npm for item in project.dependencies]
        both = (*found.python, *npm)
        if not both:
            raise nothing_named(faults)
        document = await self._python_bom(found.python, run, execute)
        document.setdefault("components", []).extend(_component(item) for item in npm)
        run.attach("bom.json", json.dumps(document, indent=1, sort_keys=True).encode())
        exact = [item for item in both if item.exact]
        if not exact:
            if faults:
                raise nothing_named(faults)
            raise NotApplicable("no dependency has an exact version")
        metrics = (
            Metric(name="dependencies", value=len(both), unit="count"),
            Metric(name="dependencies_pinned", value=len(exact), unit="count"),
        )
        unlocked = [path for project in found.npm if not project.lock for path in project.manifests]
        notes = tuple(f"{path} has no lock file: direct dependencies only" for path in unlocked)
        return Parsed(dependency_coverage(both, exact), metrics=metrics, notes=notes)

    async def _python_bom(
        self, python: Sequence[Dependency], run: ToolRun, execute: Execute
    ) -> dict[str, Any]:
        """The tool's output for our list; a package of ours on it proves that it read the list."""
        named = [item for item in python if not item.why]
        lines = sorted({f"{i.name}=={i.version}" if i.exact else i.name for i in named})
        text = "\n".join((f"{_SENTINEL}=={_SENTINEL_VERSION}", *lines)) + "\n"
        (run.workspace / "requirements.txt").write_text(text)
        argv = self.argv(run.tools_dir, run.workspace)
        done = await execute(Command(argv, output=run.workspace / "bom.json"))
        document = load_json(done.output, self.name)
        listed = document.get("components", [])
        own = [item for item in listed if item["name"] == _SENTINEL]
        if [item.get("version") for item in own] != [_SENTINEL_VERSION]:
            raise ToolFault("cyclonedx-bom does not list the package planted by Assay")
        if len(listed) != len(lines) + 1:
            raise ToolFault(f"cyclonedx-bom lists {len(listed) - 1} of {len(lines)} packages")
        refs = {item["bom-ref"] for item in own}
        document["components"] = [item for item in listed if item not in own]
        document["dependencies"] = [
            item for item in document.get("dependencies", []) if item["ref"] not in refs
        ]
        return document


def _component(item: Dependency) -> dict[str, Any]:
    known = {"version": item.version, "purl": _purl(item)} if item.exact else {}
    return {"type": "library", "name": item.name, "bom-ref": f"{item.path}#{item.label}", **known}


def _purl(item: Dependency) -> str:
    return f"pkg:npm/{item.name.replace('@', '%40')}@{item.version}"
