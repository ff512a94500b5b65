"""Our own lock file for tools that read only npm's: exact packages, no addresses."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from analyzers.appsource.manifests import Dependency

ALIAS = "assay-pin-"


def write_pins(folder: Path, pins: Sequence[Dependency]) -> None:
    """Write `package.json` and `package-lock.json` that name exactly these packages.

    npm would nest the second version of a package; an alias has the same effect without a parent.
    """
    wanted: dict[str, str] = {}
    packages: dict[str, dict[str, Any]] = {}
    for number, item in enumerate(distinct(pins)):
        if item.name in wanted:
            alias = f"{ALIAS}{number}"
            wanted[alias] = f"npm:{item.name}@{item.version}"
            packages[f"node_modules/{alias}"] = {"name": item.name, "version": item.version}
        else:
            wanted[item.name] = item.version
            packages[f"node_modules/{item.name}"] = {"version": item.version}
    root = {"name": "app", "version": "0.0.0", "dependencies": wanted}
    lock = {**root, "lockfileVersion": 3, "requires": True, "packages": {"": root, **packages}}
    del lock["dependencies"]
    (folder / "package.json").write_text(json.dumps(root, indent=1))
    (folder / "package-lock.json").write_text(json.dumps(lock, indent=1))


def distinct(pins: Iterable[Dependency]) -> list[Dependency]:
    """Each package and version once, in order."""
    return list({(pin.name, pin.version): pin for pin in pins if pin.exact}.values())
