"""What Assay is made of, as CycloneDX: `python -m deploy.supply.sbom [--images] [FOLDER]`.

One document for the installation and one for each image, made from the locks that they are built
of, with the licences of `deploy/licences.json`. `--images` adds what Debian and Python packages the
built images really hold, where there is an engine that has them.
"""

import json
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.supply.licences import LIST, UNKNOWN
from deploy.supply.locks import ROOT, Package, packages, parts

_SPEC = SchemaVersion.V1_6
_LIMIT_S = 120
_DPKG = r"deb\t${Package}\t${Version}\t${Architecture}\n"
_PIP = (
    "import importlib.metadata as m; "
    "[print('pypi', d.metadata['Name'], d.version, '', sep='\\t') for d in m.distributions()]"
)


def document(part: str, held: tuple[Package, ...], version: str, extra: list[Any]) -> str:
    """The document of one part, checked against CycloneDX's schema; the same input, the same text.

    Args:
        part: its name.
        held: what its locks name.
        version: of Assay.
        extra: components that were found in its image.

    Raises:
        ValueError: it is no valid CycloneDX.
    """
    licences = json.loads(LIST.read_text(encoding="utf-8"))
    known = {package.purl: _component(package, licences) for package in held}
    components = known | {one["purl"]: one for one in extra if one["purl"] not in known}
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application" if part == "installation" else "container",
                "bom-ref": f"assay/{part}",
                "name": f"assay/{part}",
                "version": version,
            }
        },
        "components": [components[purl] for purl in sorted(components)],
        "dependencies": [{"ref": f"assay/{part}", "dependsOn": sorted(components)}],
    }
    seed = json.dumps(bom, sort_keys=True)
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, seed).urn
    text = json.dumps(bom, indent=1) + "\n"
    if problem := JsonStrictValidator(_SPEC).validate_str(text):
        raise ValueError(f"{part}: {str(problem)[:500]}")
    return text


def _component(package: Package, licences: dict[str, str]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    licence = licences.get(package.key, UNKNOWN)
    if licence != UNKNOWN:
        component["licenses"] = [{"expression": licence}]
    if package.marker:
        component["scope"] = "optional"
        component["properties"] = [{"name": "assay:marker", "value": package.marker}]
    return component


def in_image(image: str) -> list[dict[str, Any]] | None:
    """What the package managers of an image name; None: there is no engine, or no such image."""
    found: list[dict[str, Any]] = []
    for program in (["dpkg-query", "-W", "-f", _DPKG], ["python", "-c", _PIP]):
        listed = _run(image, program)
        if listed is None:
            return None
        found += [_found(*line.split("\t")) for line in listed.splitlines() if line]
    return found


def _found(ecosystem: str, name: str, version: str, architecture: str) -> dict[str, Any]:
    place = f"deb/debian/{name}" if ecosystem == "deb" else f"pypi/{name.lower()}"
    escaped = version.replace("+", "%2B").replace(":", "%3A").replace("~", "%7E")
    purl = f"pkg:{place}@{escaped}" + (f"?arch={architecture}" if architecture else "")
    named = {"name": name, "version": version, "purl": purl}
    return {"type": "library", "bom-ref": purl, **named}


def _run(image: str, program: list[str]) -> str | None:
    start = ["docker", "run", "--rm", "--network", "none", "--pull", "never", "--entrypoint"]
    argv = [*start, program[0], image, *program[1:]]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def write(folder: Path, *, images: bool) -> Iterator[str]:
    """Write all documents; says what was written."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = str(project["version"])
    folder.mkdir(parents=True, exist_ok=True)
    for part, locks in parts().items():
        held = tuple(package for lock in locks for package in packages(lock))
        built = images and part not in ("installation", "tests")
        extra = in_image(f"assay/{part}:{version}") if built else []
        (folder / f"{part}.cdx.json").write_text(document(part, held, version, extra or []))
        note = "; no such image here: its locks alone" if extra is None else ""
        yield f"{folder / part}.cdx.json: {len(held) + len(extra or [])} components{note}"


def main(arguments: list[str]) -> int:
    """Write the documents to a folder, by default `dist/sbom`."""
    named = [one for one in arguments if not one.startswith("-")]
    folder = Path(named[0]) if named else ROOT / "dist" / "sbom"
    for line in write(folder, images="--images" in arguments):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
