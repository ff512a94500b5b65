"""The form of the house: short functions and files, no import circle, all packages registered."""

import ast
import statistics
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
MEDIAN_LINES = 9
FILE_LINES = 300
NO_PRODUCT = {"bench", "controls", "deploy", "docs", "tests"}


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def packages() -> list[str]:
    return project()["tool"]["importlinter"]["root_packages"]


@cache
def product() -> tuple[Path, ...]:
    """Every Python file that runs outside of tests."""
    modules = (ROOT / f"{name}.py" for name in project()["tool"]["setuptools"]["py-modules"])
    inside = (path for name in packages() for path in (ROOT / name).rglob("*.py"))
    return tuple(sorted((*modules, *inside)))


def functions(path: Path) -> Iterator[int]:
    """Lines of each function, from `def` to its last line, docstring included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.end_lineno - node.lineno + 1


def test_functions_are_short():
    lines = [length for path in product() for length in functions(path)]
    assert statistics.median(lines) <= MEDIAN_LINES, "give a part of a long function a name"


def test_no_file_is_long():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in product()}
    long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > FILE_LINES}
    assert not long, f"more than {FILE_LINES} lines: split by subject"


@cache
def imports() -> grimp.ImportGraph:
    """All imports, those for types included: a circle of types is a circle of readers."""
    return grimp.build_graph(*packages(), cache_dir=None)


@pytest.mark.parametrize("root", packages())
def test_no_circle_of_imports(root: str):
    """Neither between the modules of a package nor between the packages in it."""
    graph = imports()
    inside = sorted({root, *graph.find_descendants(root)})
    circles = {
        parent: breakers
        for parent in inside
        if len(graph.find_children(parent)) > 1
        and (breakers := graph.nominate_cycle_breakers(parent))
    }
    assert not circles, "the imports (importer, imported) that close a circle; move what both need"


def test_every_package_is_registered():
    """What is not registered is neither installed nor checked by layers and types."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NO_PRODUCT
    setup = project()["tool"]["setuptools"]["packages"]["find"]["include"]
    layers = project()["tool"]["importlinter"]["contracts"][0]["layers"]
    assert found == set(packages())
    assert found == {name.removesuffix("*") for name in setup}
    assert found == {name for line in layers for name in line.split(" | ")}
    assert found <= set(project()["tool"]["pyright"]["include"])
