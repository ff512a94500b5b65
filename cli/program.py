"""How the user called us: hints name a command that can be typed as it stands."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from tomllib import loads

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PROGRAM = "assay" if Path(sys.argv[0]).stem == "assay" else "python starter.py"


def command(line: str) -> str:
    """`line` (`status ID`) as the user would type it, in quotes."""
    return f"'{PROGRAM} {line}'"


def version() -> str:
    """Assay's version, and the ones of what a report of a bug should name."""
    project = loads(_PROJECT.read_text(encoding="utf-8"))["project"]
    python = ".".join(map(str, sys.version_info[:3]))
    return f"assay {project['version']} (Python {python}, temporalio {version_of('temporalio')})"
