"""Every package that a lock of ours names, and which part of Assay is made of which locks."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM_LOCK = "package-lock.json"
_PINNED = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)(?: *; *([^\\]+?))? *\\?$", re.MULTILINE
)
_ANALYZERS = ("static", "dynamic", "performance", "ai")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package of a lock.

    Attributes:
        ecosystem: `pypi` or `npm`.
        name: as its registry spells it.
        marker: where it is installed at all (PEP 508); empty: everywhere.
        licence: that its lock names; empty: its lock names none.
    """

    ecosystem: str
    name: str
    version: str
    marker: str = ""
    licence: str = ""

    @property
    def key(self) -> str:
        """`pypi/name@version`."""
        return f"{self.ecosystem}/{self.name}@{self.version}"

    @property
    def purl(self) -> str:
        """Its package URL."""
        name = self.name.replace("@", "%40") if self.ecosystem == "npm" else self.name
        return f"pkg:{self.ecosystem}/{name}@{self.version}"


def normalized(name: str) -> str:
    """A Python package's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parts(root: Path = ROOT) -> dict[str, tuple[Path, ...]]:
    """The locks of each part: the installation, each image, and the tools of tests."""
    found = {
        "installation": [root / "requirements.lock"],
        "worker": [root / "deploy" / "worker.lock"],
        "dashboard": [root / "deploy" / "dashboard.lock", root / "dashboard" / NPM_LOCK],
        "tests": [root / "tests" / "tools" / NPM_LOCK],
    }
    shared = [root / "analyzers" / "requirements.lock", root / "analyzers" / "node.lock"]
    for kind in _ANALYZERS:
        folder = root / "analyzers" / kind
        own = [*sorted(folder.glob("requirements*.lock")), folder / NPM_LOCK]
        found[f"analyzer-{kind}"] = [*shared, *own]
    return {part: tuple(lock for lock in locks if lock.is_file()) for part, locks in found.items()}


def all_locks(root: Path = ROOT) -> tuple[Path, ...]:
    """Every lock, once."""
    return tuple(dict.fromkeys(lock for locks in parts(root).values() for lock in locks))


def packages(lock: Path) -> tuple[Package, ...]:
    """What a lock names, in its order."""
    read = _npm if lock.name == NPM_LOCK else _pypi
    return tuple(dict.fromkeys(read(lock.read_text(encoding="utf-8"))))


def all_packages(root: Path = ROOT) -> tuple[Package, ...]:
    """What any lock names, once, in the order of names."""
    found: dict[str, Package] = {}
    for lock in all_locks(root):
        found |= {package.key: package for package in packages(lock) if package.key not in found}
    return tuple(sorted(found.values()))


def _pypi(text: str) -> Iterator[Package]:
    for name, version, marker in _PINNED.findall(text):
        yield Package("pypi", normalized(name), version, marker)


def _npm(text: str) -> Iterator[Package]:
    for path, entry in json.loads(text)["packages"].items():
        if path and not entry.get("link"):
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            licence = entry.get("license", "")
            yield Package("npm", name, entry["version"], licence=str(licence))
