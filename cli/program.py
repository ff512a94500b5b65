"""How the user started this program, so that hints name commands that can be typed as they are."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from shutil import which
from tomllib import loads

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
INSTALLED = Path(sys.argv[0]).stem == "assay"
NAME = "assay" if INSTALLED else "starter.py"


def command(line: str) -> str:
    """`line` (`status ID`) as the user would type it, in quotes."""
    return f"'{_program()} {line}'"


def _program() -> str:
    if INSTALLED:
        on_path = which(NAME)
        ours = on_path is not None and os.path.samefile(on_path, sys.argv[0])
        return NAME if ours else _near(sys.argv[0])
    return f"{_near(sys.executable)} {NAME}"


def _near(path: str) -> str:
    """`path` relative to the current folder if it lies below it: `.venv/bin/python`."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return path


def project_version() -> str:
    """The version of Assay alone."""
    return loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"]


def version() -> str:
    """The versions that a bug report should name."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"assay {project_version()} (Python {python}, temporalio {version_of('temporalio')})"
