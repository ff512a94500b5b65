"""Software bills of materials in CycloneDX: of the requirements files and of the npm lock files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzers.runtime.tool import Canary, Command, Execute, NotApplicable, Parsed, ToolRun
from analyzers.static.adapter import CommandTool, load_json
from analyzers.static.manifests import (
    Dependency,
    dependency_coverage,
    npm_manifests,
    python_manifests,
    read_package,
    read_package_lock,
    read_requirements,
)
from contract.analysis import Metric


class Sbom(CommandTool):
    """Adapter for `cyclonedx-py requirements`; npm lock files are read by ourselves."""

    name = "cyclonedx-bom"
    what = "requirements or package.json"
    suffixes = (".txt", "package.json")
    cost = 0.5
    canary = Canary(files={"requirements.txt": "flask==3.0.0\n"})

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The command is named after the format."""
        return (str(tools_dir / "venv/bin/cyclonedx-py"),)

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Manifests of both worlds."""
        return (*python_manifests(files), *npm_manifests(files))

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """One cleaned requirements file, in a form that can be repeated."""
        return (
            *(*self.program(tools_dir), "requirements", "--output-reproducible", "--of", "JSON"),
            *("-o", str(workspace / "bom.json"), str(workspace / "requirements.txt")),
        )

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Attach `bom.json`; coverage counts the dependencies whose exact version it names."""
        if not self.select(run.source.files):
            raise NotApplicable(f"no {self.what} files")
        root, files = run.source.root, run.source.files
        python = [
            item for name in python_manifests(files) for item in read_requirements(root, name)
        ]
        npm, notes = _npm_dependencies(root, files)
        if not python and not npm:
            raise NotApplicable("the manifests name no dependencies")
        document = await self._python_bom(python, run, execute)
        document.setdefault("components", []).extend(_component(item) for item in npm)
        run.attach("bom.json", json.dumps(document, indent=1, sort_keys=True).encode())
        exact = [item for item in (*python, *npm) if item.exact]
        metrics = (
            Metric(name="dependencies", value=len(python) + len(npm), unit="count"),
            Metric(name="dependencies_pinned", value=len(exact), unit="count"),
        )
        covered = dependency_coverage((*python, *npm), (*python, *npm))
        return Parsed(covered, metrics=metrics, notes=tuple(notes))

    async def _python_bom(
        self, python: Sequence[Dependency], run: ToolRun, execute: Execute
    ) -> dict[str, Any]:
        lines = sorted({f"{i.name}=={i.version}" if i.exact else i.name for i in python})
        (run.workspace / "requirements.txt").write_text("\n".join(lines) + "\n")
        argv = self.argv(run.tools_dir, run.workspace)
        done = await execute(Command(argv, output=run.workspace / "bom.json"))
        return load_json(done.output, self.name)


def _npm_dependencies(root: Path, files: Sequence[str]) -> tuple[list[Dependency], list[str]]:
    found: list[Dependency] = []
    notes: list[str] = []
    for path in npm_manifests(files):
        lock = path.removesuffix("package.json") + "package-lock.json"
        try:
            if lock in files:
                found += read_package_lock(root, lock)
            else:
                found += read_package(root, path)
                notes.append(f"{path} has no lock file: direct dependencies only")
        except ValueError as error:
            notes.append(f"{path}: {error}"[:300])
    return found, notes


def _component(item: Dependency) -> dict[str, Any]:
    known = {"version": item.version, "purl": _purl(item)} if item.version else {}
    return {"type": "library", "name": item.name, "bom-ref": f"{item.path}#{item.label}", **known}


def _purl(item: Dependency) -> str:
    return f"pkg:npm/{item.name.replace('@', '%40')}@{item.version}"
