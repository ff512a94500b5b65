"""Confines scanners to the app: they follow links and redirects that the app writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analyzers.dynamic import launched
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.live.origins import origins_of
from analyzers.runtime.tool import Execute, ToolRun


@dataclass(frozen=True, slots=True)
class Confined:
    """One tool's run, and the confinement of its programs."""

    run: ToolRun
    execute: Execute
    box: Confinement


def confined(run: ToolRun, execute: Execute, venv: str, *own: Path) -> Confined:
    """A confinement for programs of one of the tools' virtual environments, and `own` scripts."""
    tools = run.tools_dir.resolve()
    routes = origins_of(run.request.targets).routes
    programs = (tools / venv / "bin" / "python",)
    return Confined(run, execute, Confinement(run.workspace, routes, programs, (tools, *own)))


LAUNCHER = Path(launched.__file__).resolve()


def launched_program(tools_dir: Path, venv: str, name: str) -> tuple[str, ...]:
    """The same as `venv_program`, for arguments on standard input (`secret_headers`)."""
    python, script = venv_program(tools_dir, venv, name)
    # Isolated, or modules beside our script would come before the standard library's.
    return python, "-I", "-B", str(LAUNCHER), script


def secret_headers(headers: Mapping[str, str]) -> bytes:
    """Arguments for the contents of a request: only the scanner may see a session."""
    rows = [("-H", f"{name}: {value}") for name, value in headers.items()]
    return json.dumps([part for row in rows for part in row]).encode()


def venv_program(tools_dir: Path, venv: str, name: str) -> tuple[str, str]:
    """A script of a virtual environment, run by its interpreter: its first line may be wrong."""
    folder = tools_dir.resolve() / venv / "bin"
    return str(folder / "python"), str(folder / name)
