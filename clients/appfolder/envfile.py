"""Variables an app brings along in env files."""

from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from clients.appfolder.tree import read_text


def dotenv(root: Path, relative: str) -> dict[str, str]:
    """Variables of an env file inside the app folder; nothing of the host's environment."""
    text = read_text(root, relative, "env_file")
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}
