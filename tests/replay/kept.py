"""Where recorded histories are: of the code at hand, and of the last release."""

import gzip
import re
from pathlib import Path
from tomllib import loads

ROOT = Path(__file__).resolve().parents[2]
HISTORIES = Path(__file__).parent / "histories"
_RELEASES = Path(__file__).parent / "releases"
_SECTION = re.compile(r"^## \[?v?(\d+\.\d+\.\d+)", re.MULTILINE)


def pyproject_version() -> str:
    """The version that the next release has, or the last one had."""
    return loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def last_release(changelog: str) -> str:
    """Version of the latest released section; before the first release, the project's version.

    People run a clone of `main` meanwhile: their pipelines are of that version.
    """
    found = _SECTION.search(changelog)
    return found[1] if found else pyproject_version()


def release_folder(version: str) -> Path:
    """Where the histories of a release are."""
    return _RELEASES / version


def histories_of_last_release() -> list[Path]:
    """The histories of the last release, in order."""
    version = last_release((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    return sorted(release_folder(version).glob("*.json.gz"))


def text_of(path: Path) -> str:
    """A history as JSON."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
