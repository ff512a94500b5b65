"""Small apps written to disk and read in the way of the route reader's program."""

import json
from collections.abc import Mapping
from pathlib import Path

from analyzers.appsource.reading.tree import read_tree
from analyzers.appsource.route_map import RouteMap, parse_route_map
from analyzers.appsource.route_reader import javascript_parser

ROOT = Path(__file__).parents[2]


def lay(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (root / name).write_bytes(data)
    return root


def read_app(root: Path, files: Mapping[str, str | bytes]) -> RouteMap:
    lay(root, files)
    parser = javascript_parser(ROOT / ".tools/static")
    return parse_route_map(json.dumps(read_tree(root, sorted(files), parser)).encode())


def operations(found: RouteMap) -> set[str]:
    return {f"{one.method} {one.path}" for one in found.routes}


def inputs(found: RouteMap, method: str, path: str) -> dict[str, str]:
    (route,) = [one for one in found.routes if (one.method, one.path) == (method, path)]
    return {one.name: one.place for one in route.inputs}
