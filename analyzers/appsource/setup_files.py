"""The dependencies in setup.py, setup.cfg and conda environments, read as data and never run."""

import ast
import configparser
import re
from collections.abc import Iterator
from typing import Any

from analyzers.appsource.manifests import Dependency
from analyzers.appsource.npm_locks import load_yaml
from analyzers.appsource.requirements import requirement_of

CONDA = "a package of conda, none of the index"
_AT_RUN_TIME = "its dependencies are made at run time"
_CONDA = re.compile(r"^(?:[\w.-]+::)?([A-Za-z0-9._-]+)\s*(?:=+\s*([\w.]+))?")


def read_setup_cfg(path: str, text: str) -> Iterator[Dependency]:
    """`install_requires` and extras. Raises: ValueError when it is no such file."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error
    groups = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        groups += [value for _, value in parser.items("options.extras_require")]
    for line in (line.strip() for group in groups for line in re.split(r"[\n]", group)):
        if line and not line.startswith("#"):
            if line.startswith("file:"):
                raise ValueError(f"it takes its dependencies from {line[:100]}")
            place = text.find(line)
            yield from requirement_of(path, text.count("\n", 0, max(place, 0)) + 1, line)


def read_setup_py(path: str, text: str) -> Iterator[Dependency]:
    """Literal lists given to `setup()`.

    Raises:
        ValueError: it is no Python, or the lists are made at run time.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, MemoryError) as error:
        raise ValueError(f"{type(error).__name__}: {getattr(error, 'msg', '')}") from error
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if _last(call.func) == "setup":
            for word in call.keywords:
                if word.arg in {"install_requires", "extras_require", "tests_require"}:
                    yield from _listed(path, word.value, named)
                elif word.arg is None:
                    raise ValueError(_AT_RUN_TIME)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _listed(path: str, node: ast.expr, named: dict[str, ast.expr]) -> Iterator[Dependency]:
    if isinstance(node, ast.Name):
        node = named.get(node.id, node)
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _listed(path, value, named)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for item in node.elts:
            if not (isinstance(item, ast.Constant) and isinstance(item.value, str)):
                raise ValueError(_AT_RUN_TIME)
            yield from requirement_of(path, item.lineno, item.value.strip())
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        for line in node.value.split("\n"):
            if line.strip():
                yield from requirement_of(path, node.lineno, line.strip())
    else:
        raise ValueError(_AT_RUN_TIME)


def read_conda(path: str, text: str) -> Iterator[Dependency]:
    """A conda environment: its own packages, and those that pip installs into it."""
    document = load_yaml(text)
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if listed is None:
        return
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, str):
            match = _CONDA.match(item)
            if match and match[1] not in {"python", "pip"}:
                version = match[2] or ""
                yield Dependency(path, _line_of(text, item), match[1].lower(), version, why=CONDA)
        elif isinstance(item, dict):
            yield from _pip_part(path, text, item.get("pip"))


def _pip_part(path: str, text: str, listed: Any) -> Iterator[Dependency]:
    for line in listed if isinstance(listed, list) else ():
        if str(line).startswith(("-r", "--requirement", "-c", "--constraint")):
            raise ValueError(f"its pip part includes {str(line)[:100]}")
        if not str(line).startswith("-"):
            yield from requirement_of(path, _line_of(text, str(line)), str(line).strip())


def _line_of(text: str, words: str) -> int:
    place = text.find(words)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1
